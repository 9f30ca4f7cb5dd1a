#pragma once

#include <cstdint>
#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/manifest/node.h"

/// A node's value as the types that only machine.yaml has. Whatever becomes part of an argument of
/// qemu has no comma, which would begin another option there, and no control character.
/// Errors: kManifest with a message that fits behind the field's name.
namespace mosb::manifest {

/// Whether the node is there and neither null nor the empty text, which project machine's tool
/// writes for what is not set.
bool is_given(const Node* node);

/// One line as it was written, also where readers of YAML differ on its type ("off", a MAC address
/// of decimal digits): what it means is the field's to say, not the type's.
Result<std::string> as_written(const Node& node);
/// The same without a comma.
Result<std::string> as_qemu_value(const Node& node);

/// Absolute, or beginning with "~/".
Result<std::string> as_host_path(const Node& node);
/// The same, or a file name without '/'.
Result<std::string> as_disk_file(const Node& node);
/// MiB, or a size with a unit that is a whole number of MiB.
Result<ByteCount> as_memory(const Node& node);
/// A size as project machine has it: "10G", "1.5 GiB", or bytes; rounded up to blocks of 512 bytes.
Result<ByteCount> as_disk_size(const Node& node);
/// A unicast address, in lower case.
Result<std::string> as_mac(const Node& node);
/// "5", "0x5" or "0x05.0": a slot from 1 to 30.
Result<std::uint8_t> as_slot(const Node& node);
/// A place in the boot order; the word "off" is for the caller.
Result<std::uint32_t> as_bootindex(const Node& node);
Result<IpAddress> as_ipv4(const Node& node);
Result<std::uint16_t> as_port(const Node& node);
Result<std::string> as_nic_id(const Node& node);

}  // namespace mosb::manifest
