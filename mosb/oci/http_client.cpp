#include "mosb/oci/http_client.h"

#include <algorithm>
#include <utility>

#include <strings.h>

#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void HttpHeaders::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

Result<std::optional<std::string>> HttpHeaders::find(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [field, value] : fields_) {
    if (!same_name(field, name)) {
      continue;
    }
    if (found && *found != value) {
      return Error(Errc::kNetwork, "header " + quote(name) + " stands twice in one answer");
    }
    found = value;
  }
  return found;
}

std::vector<std::string> HttpHeaders::find_all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [field, value] : fields_) {
    if (same_name(field, name)) {
      values.push_back(value);
    }
  }
  return values;
}

const char* method_name(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return "GET";
    case HttpMethod::kHead:
      return "HEAD";
    case HttpMethod::kPost:
      return "POST";
    case HttpMethod::kPut:
      return "PUT";
    case HttpMethod::kDelete:
      return "DELETE";
  }
  return "?";
}

HttpUpload upload_of(std::string_view bytes) {
  return {
      .size = bytes.size(),
      .read = [bytes](std::uint64_t offset, std::span<std::byte> buffer) -> Result<std::size_t> {
        const std::string_view rest =
            bytes.substr(static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes.size())));
        const std::size_t n = std::min(buffer.size(), rest.size());
        std::copy_n(std::as_bytes(std::span(rest)).begin(), n, buffer.begin());
        return n;
      }};
}

std::chrono::steady_clock::time_point end_of_request(const HttpRequest& request,
                                                     const HttpTimeouts& timeouts) {
  const std::uint64_t down = request.sink ? request.exact_size.value_or(0) : 0;
  const std::uint64_t up = request.upload ? request.upload->size : 0;
  // A month bounds the arithmetic; no rate that is allowed needs it.
  constexpr std::uint64_t kMonth = 31ULL * 24 * 3600;
  const std::uint64_t seconds =
      std::min(kMonth, (down + up) / std::max<std::uint64_t>(timeouts.least_bytes_per_second, 1));
  const auto end = std::chrono::steady_clock::now() + timeouts.request +
                   std::chrono::seconds(static_cast<std::int64_t>(seconds));
  return timeouts.deadline ? std::min(end, *timeouts.deadline) : end;
}

}  // namespace mosb::oci
