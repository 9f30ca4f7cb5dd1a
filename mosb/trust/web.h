#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::trust {

/// One request to a server that an operator or a certificate names: a timestamping authority, an
/// OCSP responder, whoever holds a CRL.
struct WebRequest {
  struct Content {
    std::string media_type;
    std::string bytes;
  };

  /// http or https.
  std::string url;
  /// Sent by POST; nullopt: GET.
  std::optional<Content> content = {};
  /// More is an error.
  ByteCount max_answer;
  /// For everything together, redirects included.
  std::chrono::milliseconds timeout;
};

struct WebAnswer {
  /// As sent; "" if it was not said.
  std::string media_type;
  std::string bytes;
};

/// Asks such servers; may be used by several threads at once. Tests put a scripted one in the place
/// of the network.
class Web {
 public:
  Web() = default;
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;
  Web(Web&&) = delete;
  Web& operator=(Web&&) = delete;
  virtual ~Web() = default;

  /// The content of an answer with the status 200. Errors: kNetwork for every other one, no answer,
  /// one that is too large or too late.
  virtual Result<WebAnswer> ask(const WebRequest& request) = 0;
};

}  // namespace mosb::trust
