#pragma once

#include <cstddef>
#include <string>

namespace mosb {

/// `bytes` (at most 256) random bytes of the kernel as lower-case hexadecimal: for names that
/// nobody can guess.
std::string random_hex(std::size_t bytes);

}  // namespace mosb
