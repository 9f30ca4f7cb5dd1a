#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "lxc/container_spec.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::lxc {

/// The bytes that tell mosb-init what to run (layout: init_spec_layout.h).
/// Errors: kRuntime for an empty argv, a NUL in any string, or more than kMaxInitSpecSize bytes.
Result<std::string> encode_init_spec(const ContainerProcess& process);

/// The same in an anonymous file that nobody can change any more.
Result<UniqueFd> seal_init_spec(const ContainerProcess& process);

/// `bytes` in an anonymous file sealed against every change.
Result<UniqueFd> seal_bytes(const std::string& name, const std::string& bytes);

}  // namespace mosb::lxc
