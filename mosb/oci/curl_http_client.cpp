#include "mosb/oci/curl_http_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "mosb/base/text.h"
#include "mosb/oci/curl_library.h"
#include "mosb/oci/redirect.h"
#include "mosb/oci/transfer.h"

namespace mosb::oci {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// A name with a thousand addresses must not be tried a thousand times.
constexpr unsigned kMaxAddresses = 8;
constexpr long kBufferSize = 256L * 1024;

struct HandleDeleter {
  const CurlLibrary* curl;
  void operator()(CURL* handle) const { curl->easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, HandleDeleter>;

struct ListDeleter {
  const CurlLibrary* curl;
  void operator()(curl_slist* list) const { curl->slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

/// What one hop may connect to.
struct AddressRule {
  /// False for the registry itself, which an operator named, and for a proxy.
  bool checked = false;
  bool loopback_allowed = false;
  unsigned tried = 0;
  bool refused = false;
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* transfer) {
  const std::string_view line(data, size * count);
  return static_cast<Transfer*>(transfer)->take_header_line(line) ? line.size() : 0;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* transfer) {
  const auto bytes = std::as_bytes(std::span(data, size * count));
  return static_cast<Transfer*>(transfer)->take_body(bytes) ? bytes.size() : 0;
}

std::size_t on_upload(char* data, std::size_t size, std::size_t count, void* transfer) {
  const auto buffer = std::as_writable_bytes(std::span(data, size * count));
  return static_cast<Transfer*>(transfer)->give_upload(buffer).value_or(CURL_READFUNC_ABORT);
}

int on_seek(void* transfer, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) {
    return CURL_SEEKFUNC_FAIL;
  }
  static_cast<Transfer*>(transfer)->rewind_upload(static_cast<std::uint64_t>(offset));
  return CURL_SEEKFUNC_OK;
}

curl_socket_t on_open_socket(void* rule, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& allowed = *static_cast<AddressRule*>(rule);
  if (++allowed.tried > kMaxAddresses) {
    return CURL_SOCKET_BAD;
  }
  if (allowed.checked) {
    const AddressKind kind = address_kind(address->addr);
    if (kind == AddressKind::kForbidden ||
        (kind == AddressKind::kLoopback && !allowed.loopback_allowed)) {
      allowed.refused = true;
      return CURL_SOCKET_BAD;
    }
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// Media types and the like come from documents of others; a line break in one would begin a header
/// of its own.
Status check_headers(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (!is_printable_line(value)) {
      return Error(Errc::kContent, "header " + name + " with the value " + quote(value));
    }
  }
  return is_printable_line(request.authorization)
             ? ok()
             : Status(Error(Errc::kContent, "header Authorization with a control character"));
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string plain_hint(const Url& url) {
  return "if " + url.authority() +
         " speaks plain HTTP, mark it `insecure` in the configuration or give --insecure-registry";
}

std::string tls_hint(const Url& url) {
  return "if " + url.authority() + " speaks HTTPS, do not mark it `insecure`";
}

bool is_of_the_way(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return true;
    default:
      return false;
  }
}

/// What libcurl reports as an error of ours.
Error transport_error(CURLcode code, const std::string& words, const Url& url) {
  Error error(Errc::kNetwork, escape(words));
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
      return std::move(error).with_hint(plain_hint(url));
    case CURLE_PEER_FAILED_VERIFICATION:
      return std::move(error).with_hint(
          "if its certificate is of a private authority, name that "
          "authority's file as the registry's `ca`");
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return url.scheme == "http" ? std::move(error).with_hint(tls_hint(url)) : error;
    case CURLE_OUT_OF_MEMORY:
      // libcurl 7.88 says so of a header line beyond its own limit of 100 KiB as well.
      return {Errc::kNetwork, "malformed answer: a header line that is far too long"};
    default:
      return error;
  }
}

class CurlHttpClient final : public HttpClient {
 public:
  CurlHttpClient(const CurlLibrary& curl, Handle handle)
      : curl_(curl), handle_(std::move(handle)) {}

  Result<HttpResponse> send(const HttpRequest& request, const HttpPolicy& policy) override;
  bool failed_on_the_way() const override { return failed_on_the_way_; }

 private:
  struct Hop {
    Url url;
    bool to_origin = true;
    SteadyTime end;
  };
  Result<HttpResponse> perform(const HttpRequest& request,
                               const HttpPolicy& policy,
                               const Hop& hop,
                               AddressRule& addresses);
  template <class T>
  void set(CURLoption option, T value);
  void set_transport(const HttpPolicy& policy, const Hop& hop);
  void set_callbacks(Transfer& transfer, AddressRule& addresses);
  void set_method(const HttpRequest& request);
  List make_headers(const HttpRequest& request, const Hop& hop) const;
  bool connected_to_loopback(const HttpPolicy& policy, const Url& url) const;
  /// The server took the connection but did not answer the TLS handshake.
  bool hung_in_tls(const Url& url) const;

  const CurlLibrary& curl_;
  Handle handle_;
  /// The first option that libcurl refused since the last reset.
  CURLcode refused_option_ = CURLE_OK;
  bool failed_on_the_way_ = false;
};

template <class T>
void CurlHttpClient::set(CURLoption option, T value) {
  const CURLcode code = curl_.easy_setopt(handle_.get(), option, value);
  if (refused_option_ == CURLE_OK) {
    refused_option_ = code;
  }
}

void CurlHttpClient::set_transport(const HttpPolicy& policy, const Hop& hop) {
  const HttpTimeouts& timeouts = policy.timeouts;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      hop.end - std::chrono::steady_clock::now());
  set(CURLOPT_URL, hop.url.str().c_str());  // libcurl keeps copies of strings
  set(CURLOPT_PROTOCOLS_STR, hop.url.scheme.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_BUFFERSIZE, kBufferSize);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kBufferSize);
  set(CURLOPT_USERAGENT, "mosb");
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!policy.use_environment_proxy) {
    set(CURLOPT_PROXY, "");
  }
  if (!policy.ca_file.empty()) {
    set(CURLOPT_CAINFO, policy.ca_file.c_str());
    set<const char*>(CURLOPT_CAPATH, nullptr);
  }
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(left.count(), 1)));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts.connect.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(timeouts.least_bytes_per_second));
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(timeouts.rate_window.count()));
}

void CurlHttpClient::set_callbacks(Transfer& transfer, AddressRule& addresses) {
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_READFUNCTION, &on_upload);
  set(CURLOPT_READDATA, static_cast<void*>(&transfer));
  set(CURLOPT_SEEKFUNCTION, &on_seek);
  set(CURLOPT_SEEKDATA, static_cast<void*>(&transfer));
  set(CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&addresses));
}

void CurlHttpClient::set_method(const HttpRequest& request) {
  const auto size = static_cast<curl_off_t>(request.upload ? request.upload->size : 0);
  switch (request.method) {
    case HttpMethod::kGet:
      set(CURLOPT_HTTPGET, 1L);
      return;
    case HttpMethod::kHead:
      set(CURLOPT_NOBODY, 1L);
      return;
    case HttpMethod::kPost:
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, size);
      return;
    case HttpMethod::kPut:
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_INFILESIZE_LARGE, size);
      return;
    case HttpMethod::kDelete:
      set(CURLOPT_CUSTOMREQUEST, "DELETE");
      return;
  }
}

List CurlHttpClient::make_headers(const HttpRequest& request, const Hop& hop) const {
  std::vector<std::string> lines = {"Accept-Encoding: identity", "Expect:"};
  bool has_content_type = false;
  for (const auto& [name, value] : request.headers) {
    lines.push_back(name + ": " + value);
    has_content_type = has_content_type || name == "Content-Type";
  }
  if (!has_content_type) {
    lines.emplace_back("Content-Type:");  // libcurl would call a POST a form
  }
  if (request.offset > 0) {
    lines.push_back("Range: bytes=" + std::to_string(request.offset) + "-");
  }
  if (request.part) {
    lines.push_back("Range: bytes=" + std::to_string(request.part->offset) + "-" +
                    std::to_string(request.part->offset + request.part->length - 1));
  }
  if (!request.authorization.empty() && hop.to_origin) {
    lines.push_back("Authorization: " + request.authorization);
  }
  List list(nullptr, ListDeleter{&curl_});
  for (const std::string& line : lines) {
    curl_slist* const longer = curl_.slist_append(list.get(), line.c_str());
    if (longer == nullptr) {
      return {nullptr, ListDeleter{&curl_}};
    }
    (void)list.release();
    list.reset(longer);
  }
  return list;
}

Result<HttpResponse> CurlHttpClient::perform(const HttpRequest& request,
                                             const HttpPolicy& policy,
                                             const Hop& hop,
                                             AddressRule& addresses) {
  failed_on_the_way_ = false;
  if (hop.end <= std::chrono::steady_clock::now()) {
    return Error(Errc::kNetwork, "the time for it is over");
  }
  Transfer transfer(request, hop.url);
  std::array<char, CURL_ERROR_SIZE> detail{};
  const List headers = make_headers(request, hop);
  if (!headers) {
    return Error(Errc::kResource, "out of memory");
  }
  curl_.easy_reset(handle_.get());  // options only: connections stay
  refused_option_ = CURLE_OK;
  set_transport(policy, hop);
  set_callbacks(transfer, addresses);
  set_method(request);
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_ERRORBUFFER, detail.data());
  if (refused_option_ != CURLE_OK) {
    return Error(Errc::kInternal, curl_.easy_strerror(refused_option_));
  }
  const CURLcode code = curl_.easy_perform(handle_.get());
  set<char*>(CURLOPT_ERRORBUFFER, nullptr);
  const std::string words = detail[0] != '\0' ? detail.data() : curl_.easy_strerror(code);
  if (transfer.error()) {
    return *transfer.error();
  }
  if (addresses.refused) {
    return Error(Errc::kNetwork, "its name leads to an address that a registry may not send to");
  }
  failed_on_the_way_ = is_of_the_way(code);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    Error slow = transport_error(code, words, hop.url)
                     .context("too slow (" + std::to_string(transfer.received()) + " bytes came)");
    return hung_in_tls(hop.url) ? std::move(slow).with_hint(plain_hint(hop.url)) : slow;
  }
  if (code != CURLE_OK) {
    return transport_error(code, words, hop.url);
  }
  return transfer.finish();
}

bool CurlHttpClient::hung_in_tls(const Url& url) const {
  long connections = 0;
  curl_off_t secured = 0;
  return url.scheme == "https" &&
         curl_.easy_getinfo(handle_.get(), CURLINFO_NUM_CONNECTS, &connections) == CURLE_OK &&
         curl_.easy_getinfo(handle_.get(), CURLINFO_APPCONNECT_TIME_T, &secured) == CURLE_OK &&
         connections > 0 && secured == 0;
}

bool CurlHttpClient::connected_to_loopback(const HttpPolicy& policy, const Url& url) const {
  if (host_kind(url.host) == AddressKind::kLoopback) {
    return true;
  }
  const char* address = nullptr;
  if (policy.use_environment_proxy ||
      curl_.easy_getinfo(handle_.get(), CURLINFO_PRIMARY_IP, &address) != CURLE_OK ||
      address == nullptr) {
    return false;
  }
  const std::string text(address);
  const bool is_ipv6 = text.find(':') != std::string::npos;
  return host_kind(is_ipv6 ? "[" + text + "]" : text) == AddressKind::kLoopback;
}

Result<HttpResponse> CurlHttpClient::send(const HttpRequest& request, const HttpPolicy& policy) {
  const std::string what = std::string(method_name(request.method)) + " " + request.url.scheme +
                           "://" + request.url.authority() + request.url.without_query();
  if ((request.url.scheme == "http") != policy.plain_http) {
    return Error(Errc::kNetwork,
                 what + ": " + (policy.plain_http ? "HTTPS" : "plain HTTP") + " is not configured");
  }
  MOSB_CHECK(Url::parse(request.url.str()).context(what));
  MOSB_CHECK(check_headers(request).context(what));
  Hop hop{.url = request.url, .to_origin = true, .end = end_of_request(request, policy.timeouts)};
  AddressRule addresses;
  for (unsigned hops = 0;; ++hops) {
    addresses.tried = 0;
    HttpResponse response =
        MOSB_TRY(perform(request, policy, hop, addresses)
                     .context(hops == 0 ? what : what + ": redirected to " + hop.url.authority()));
    if (!is_redirect(response.status)) {
      return response;
    }
    if (request.method != HttpMethod::kGet && request.method != HttpMethod::kHead) {
      return Error(Errc::kNetwork, what + ": answered with a redirect");
    }
    if (hops == request.max_redirects) {
      return Error(Errc::kNetwork,
                   what + ": more than " + std::to_string(request.max_redirects) + " redirects");
    }
    const std::optional<std::string> location =
        MOSB_TRY(response.headers.find("Location").context(what));
    if (hops == 0) {
      addresses.loopback_allowed = connected_to_loopback(policy, request.url);
    }
    hop.url = MOSB_TRY(
        next_hop(hop.url, location.value_or(""), addresses.loopback_allowed).context(what));
    hop.to_origin = hop.to_origin && hop.url.same_origin(request.url);
    addresses.checked = !policy.use_environment_proxy && !hop.url.same_origin(request.url);
  }
}

}  // namespace

Result<std::unique_ptr<HttpClient>> make_curl_http_client() {
  const CurlLibrary* curl = MOSB_TRY(curl_library());
  Handle handle(curl->easy_init(), HandleDeleter{curl});
  if (!handle) {
    return Error(Errc::kInternal, "libcurl cannot be used");
  }
  return std::unique_ptr<HttpClient>(std::make_unique<CurlHttpClient>(*curl, std::move(handle)));
}

}  // namespace mosb::oci
