#pragma once

#include <cstdint>

#include "mosb/base/result.h"

namespace mosb::kvm {

/// Whether a guest of this host can have that number at the vsock, asked of the kernel
/// (VHOST_VSOCK_SET_GUEST_CID) and given back: the number belongs to the whole host, whoever
/// started the machine that has it. Errors: kHost if the host has no vsocks for guests, kNetSetup
/// if another guest has the number.
Status check_vsock(std::uint32_t cid);

}  // namespace mosb::kvm
