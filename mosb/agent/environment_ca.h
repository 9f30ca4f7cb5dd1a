#pragma once

#include <string>

namespace mosb::agent {

/// $SSL_CERT_FILE, the certificate authorities that servers are known by; "" if it is not set.
std::string environment_ca_file();

}  // namespace mosb::agent
