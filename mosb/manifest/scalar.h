#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/manifest/node.h"

/// A node's value as the type that a field wants: the core schema, less what readers of YAML differ
/// on (octal and hexadecimal numbers, exponents, digit groups, yes and no). Errors: kManifest with
/// a message that fits behind the field's name.
namespace mosb::manifest {

/// A quoted scalar, or a plain one that no reader takes for anything but text or a decimal number.
/// Empty text and control characters other than those are the caller's to judge; NUL is refused.
Result<std::string> as_text(const Node& node);
/// as_text() without control characters and not empty.
Result<std::string> as_line(const Node& node);
/// Only the words true and false.
Result<bool> as_bool(const Node& node);
/// Only a decimal whole number without quotes.
Result<std::uint64_t> as_uint(const Node& node, std::uint64_t min, std::uint64_t max);

Result<Digest> as_digest(const Node& node);
Result<std::chrono::milliseconds> as_duration(const Node& node);
Result<int> as_signal(const Node& node);
/// A size with a unit.
Result<ByteCount> as_size(const Node& node);
/// A size with a unit, or a whole number of MiB, as mos has it.
Result<ByteCount> as_size_or_mib(const Node& node);
/// Processors: "2", "0.75" or "750m", from a thousandth to 1024, as thousandths.
Result<std::uint32_t> as_cpu_millis(const Node& node);

}  // namespace mosb::manifest
