#include "mosb/agent/environment_ca.h"

#include <cstdlib>

namespace mosb::agent {

std::string environment_ca_file() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program sets the environment
  const char* const file = std::getenv("SSL_CERT_FILE");
  return file == nullptr ? "" : file;
}

}  // namespace mosb::agent
