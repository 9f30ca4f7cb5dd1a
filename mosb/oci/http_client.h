#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/oci/url.h"

namespace mosb::oci {

/// What an error or token answer may have at most.
constexpr ByteCount kMaxErrorBody{64 * kKiB};

/// Header fields in the order they came.
class HttpHeaders {
 public:
  void add(std::string name, std::string value);
  /// The value of a field that may stand once; names compare without case. nullopt if absent.
  /// Errors: kNetwork if it stands twice with different values.
  Result<std::optional<std::string>> find(std::string_view name) const;
  std::vector<std::string> find_all(std::string_view name) const;
  bool empty() const { return fields_.empty(); }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// How much time a registry gets.
struct HttpTimeouts {
  std::chrono::milliseconds connect{10'000};
  /// For a whole request, redirects included. A request with a large body gets in addition the time
  /// that the body takes at the least rate.
  std::chrono::milliseconds request{60'000};
  /// Slower than this, on average over the window, is a failure.
  std::uint64_t least_bytes_per_second = 16 * kKiB;
  std::chrono::seconds rate_window{60};
  /// Nothing is under way after this moment, whatever else holds.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
};

/// How a host may be talked to.
struct HttpPolicy {
  /// Plain HTTP instead of HTTPS. A request never changes from one to the other.
  bool plain_http = false;
  /// The only certificate authorities trusted, as a PEM file; empty: the system's.
  std::string ca_file = {};
  /// Honour HTTPS_PROXY, ALL_PROXY and NO_PROXY (and http_proxy for plain HTTP).
  bool use_environment_proxy = false;
  HttpTimeouts timeouts = {};
};

enum class HttpMethod { kGet, kHead, kPost, kPut, kDelete };
const char* method_name(HttpMethod method);

/// A request's body of `size` bytes. `read` fills the buffer with what stands at `offset`, and
/// tells how much that was; a request that has to be repeated on a new connection starts from 0
/// again.
struct HttpUpload {
  std::uint64_t size = 0;
  std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::byte> buffer)> read = {};
};
/// A body out of memory; the bytes must outlive the request.
HttpUpload upload_of(std::string_view bytes);

/// Takes an answer's body piece by piece.
using HttpBodySink = std::function<Status(std::span<const std::byte>)>;

/// Some of the bytes of something that has `size`.
struct HttpPart {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t size = 0;
};

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  Url url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// The Authorization field: sent to the URL's own origin only, never after a redirect to another.
  std::string authorization = {};
  std::optional<HttpUpload> upload = {};
  /// At most this many bytes of a 200 answer are read; one more is an error.
  ByteCount max_body = {};
  /// The size that the body of a 200 answer must have: another Content-Length is refused before the
  /// body is read.
  std::optional<std::uint64_t> exact_size = {};
  /// Where the body of a 200 answer goes; without it, into HttpResponse::body.
  HttpBodySink sink = {};
  /// The sink has the bytes before this one already: only the rest is asked for. A server may
  /// answer 206 with it, or 200 with everything, whose beginning is dropped. Only with
  /// `exact_size`, which is the size of the whole. RFC 9110 §14.
  std::uint64_t offset = 0;
  /// Only these bytes are asked for, and they are the body of the only answer with content: 206. A
  /// server that answers 200 with everything is refused before the body: kContent. Not together
  /// with `exact_size`, `offset` and `sink`. RFC 9110 §14.
  std::optional<HttpPart> part = {};
  /// Redirects followed, for GET and HEAD only.
  unsigned max_redirects = 5;
};

/// When the whole request must be over.
std::chrono::steady_clock::time_point end_of_request(const HttpRequest& request,
                                                     const HttpTimeouts& timeouts);

struct HttpResponse {
  int status = 0;
  HttpHeaders headers = {};
  /// Of an answer that is not 200: at most kMaxErrorBody.
  std::string body = {};
  /// Where the answer came from in the end.
  Url url = {};
  /// How much of the content the sink has, when several attempts were made.
  std::uint64_t passed = 0;
  /// How many answers that content came in.
  unsigned parts = 1;
};

/// Speaks HTTP. Not to be used by two threads at once.
class HttpClient {
 public:
  HttpClient() = default;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  HttpClient(HttpClient&&) = delete;
  HttpClient& operator=(HttpClient&&) = delete;
  virtual ~HttpClient() = default;

  /// One request with its redirects. An answer of any status is a value; the caller judges it.
  /// Errors: kNetwork (no connection, TLS, too slow, malformed answer, forbidden redirect),
  /// kContent (too large, wrong size, a content encoding), and what the upload or the sink
  /// returned.
  virtual Result<HttpResponse> send(const HttpRequest& request, const HttpPolicy& policy) = 0;
  /// Whether the last send() failed because of the way to the server (no connection, cut, timeout)
  /// and not because of what was answered: the same request may succeed a moment later.
  virtual bool failed_on_the_way() const = 0;
};

}  // namespace mosb::oci
