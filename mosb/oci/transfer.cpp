#include "mosb/oci/transfer.h"

#include <algorithm>
#include <limits>

#include <strings.h>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

/// Of all heads of one answer together (1xx answers, trailers).
constexpr std::size_t kMaxHeadSize = 64 * kKiB;
constexpr std::size_t kMaxFields = 256;

Error malformed(const std::string& why) {
  return {Errc::kNetwork, "malformed answer: " + why};
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

}  // namespace

bool Transfer::take_header_line(std::string_view line) {
  const Status taken = take_line(line);
  if (!taken) {
    error_ = taken.error();
  }
  return !error_;
}

Status Transfer::take_line(std::string_view line) {
  head_size_ += line.size();
  if (head_size_ > kMaxHeadSize) {
    return malformed("more than " + std::to_string(kMaxHeadSize) + " bytes of headers");
  }
  if (state_ == State::kBody) {
    return ok();  // a trailer; nothing in it is used
  }
  if (!line.ends_with("\r\n")) {
    return malformed("a header line that does not end in CR LF");
  }
  line.remove_suffix(2);
  if (state_ == State::kStatusLine) {
    return take_status_line(line);
  }
  if (!line.empty()) {
    return take_field(line);
  }
  if (response_.status < 200) {
    state_ = State::kStatusLine;
    return ok();
  }
  state_ = State::kBody;
  return check_head();
}

Status Transfer::take_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
      (line.size() > 12 && line[12] != ' ')) {
    return malformed("no HTTP/1 status line");
  }
  const auto status = parse_uint(line.substr(9, 3), 100, 599);
  if (!status) {
    return malformed("no HTTP/1 status line");
  }
  response_.status = static_cast<int>(*status);
  response_.headers = HttpHeaders();
  state_ = State::kFields;
  return ok();
}

Status Transfer::take_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  // A line that begins with white space would be a folded one, which has no name either.
  if (colon == std::string_view::npos || !is_field_name(line.substr(0, colon)) ||
      !is_field_value(line.substr(colon + 1))) {
    return malformed("header line " + quote(line));
  }
  if (response_.headers.fields().size() == kMaxFields) {
    return malformed("more than " + std::to_string(kMaxFields) + " headers");
  }
  response_.headers.add(std::string(line.substr(0, colon)),
                        std::string(trim(line.substr(colon + 1))));
  return ok();
}

Status Transfer::check_head() {
  const HttpHeaders& headers = response_.headers;
  for (const std::string& coding : headers.find_all("Content-Encoding")) {
    if (!same_name(coding, "identity")) {
      return Error(Errc::kContent, "content encoding " + quote(coding) + " was not asked for");
    }
  }
  for (const std::string& coding : headers.find_all("Transfer-Encoding")) {
    if (!same_name(coding, "chunked")) {
      return Error(Errc::kContent, "transfer encoding " + quote(coding) + " was not asked for");
    }
  }
  if (request_.part && response_.status == 200) {
    return Error(Errc::kContent, "the server gives no parts");
  }
  if (is_part()) {
    MOSB_CHECK(check_part());
  }
  return check_length();
}

HttpPart Transfer::part() const {
  const std::uint64_t size = request_.exact_size.value_or(0);
  return request_.part.value_or(HttpPart{request_.offset, size - request_.offset, size});
}

/// Another part than the one asked for would put right bytes in the wrong place.
Status Transfer::check_part() const {
  const std::optional<std::string> range = MOSB_TRY(response_.headers.find("Content-Range"));
  const auto [offset, length, size] = part();
  const std::string asked =
      "bytes " + std::to_string(offset) + "-" + std::to_string(offset + length - 1) + "/";
  if (range != asked + std::to_string(size) && range != asked + "*") {
    return malformed("Content-Range " + quote(range.value_or("")) + " where " +
                     quote(asked + std::to_string(size)) + " was asked for");
  }
  return ok();
}

std::optional<std::uint64_t> Transfer::content_size() const {
  return is_part() ? std::optional(part().length) : request_.exact_size;
}

Status Transfer::check_length() const {
  const std::optional<std::string> length = MOSB_TRY(response_.headers.find("Content-Length"));
  if (!length || request_.method == HttpMethod::kHead) {
    return ok();
  }
  const auto size = parse_uint(*length, 0, std::numeric_limits<std::int64_t>::max());
  if (!size) {
    return malformed("Content-Length " + quote(*length));
  }
  if (is_content() && content_size() && *size != *content_size()) {
    return Error(Errc::kContent,
                 "the answer has " + *length + " bytes where " + std::to_string(*content_size()) +
                     " are declared");
  }
  if (*size > body_limit().value) {
    return Error(
        Errc::kContent,
        "the answer has " + *length + " bytes, more than " + std::to_string(body_limit().value));
  }
  return ok();
}

ByteCount Transfer::body_limit() const {
  if (!is_content()) {
    return kMaxErrorBody;
  }
  return ByteCount{
      std::min(content_size().value_or(request_.max_body.value), request_.max_body.value)};
}

bool Transfer::take_body(std::span<const std::byte> bytes) {
  const Status taken = take_piece(bytes);
  if (!taken) {
    error_ = taken.error();
  }
  return !error_;
}

Status Transfer::take_piece(std::span<const std::byte> bytes) {
  if (state_ != State::kBody) {
    return malformed("a body before the headers' end");
  }
  const std::uint64_t before = received_;
  received_ += bytes.size();
  if (received_ > body_limit().value) {
    return Error(Errc::kContent,
                 "the answer has more than " + std::to_string(body_limit().value) + " bytes");
  }
  if (is_content() && request_.sink) {
    const std::uint64_t dropped = is_part() ? 0 : request_.offset;
    const std::uint64_t skip = dropped > before ? dropped - before : 0;
    return skip >= bytes.size() ? ok() : request_.sink(bytes.subspan(skip));
  }
  // reinterpret_cast: char may alias anything.
  response_.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return ok();
}

std::optional<std::size_t> Transfer::give_upload(std::span<std::byte> buffer) {
  if (!request_.upload) {
    return 0;
  }
  const auto given = request_.upload->read(sent_, buffer);
  if (!given) {
    error_ = given.error();
    return std::nullopt;
  }
  sent_ += *given;
  return *given;
}

Result<HttpResponse> Transfer::finish() {
  if (error_) {
    return *error_;
  }
  if (state_ != State::kBody) {
    return malformed("it ends inside the headers");
  }
  if (is_content() && content_size() && request_.method != HttpMethod::kHead &&
      received_ != *content_size()) {
    return Error(Errc::kContent,
                 "the answer has " + std::to_string(received_) + " bytes where " +
                     std::to_string(*content_size()) + " are declared");
  }
  return std::move(response_);
}

}  // namespace mosb::oci
