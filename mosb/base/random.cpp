#include "mosb/base/random.h"

#include <cstdlib>
#include <span>
#include <vector>

#include <sys/random.h>

#include "mosb/base/hex.h"

namespace mosb {

std::string random_hex(std::size_t bytes) {
  std::vector<std::byte> buffer(bytes);
  // Neither fails nor is short for up to 256 bytes (getrandom(2)); a name without its randomness
  // must not be used.
  if (::getrandom(buffer.data(), buffer.size(), 0) != static_cast<ssize_t>(bytes)) {
    std::abort();
  }
  return to_hex(buffer);
}

}  // namespace mosb
