#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mosb/base/result.h"
#include "mosb/oci/http_client.h"

namespace mosb::oci {

/// One hop of a request as it arrives: judges the head line by line, and the body before a byte of
/// it is kept. Knows nothing of the library that does the transport.
class Transfer {
 public:
  Transfer(const HttpRequest& request, const Url& url) : request_(request) { response_.url = url; }

  /// One line of the head, with its line end. False: stop, see error().
  bool take_header_line(std::string_view line);
  /// A piece of the body. False: stop, see error().
  bool take_body(std::span<const std::byte> bytes);
  /// Fills the buffer with the next piece of the request's body; nullopt: stop, see error().
  std::optional<std::size_t> give_upload(std::span<std::byte> buffer);
  void rewind_upload(std::uint64_t offset) { sent_ = offset; }

  /// What was wrong with the answer, if anything was.
  const std::optional<Error>& error() const { return error_; }
  /// Stops the transfer for a reason that is not in the answer.
  void fail(Error error) { error_ = std::move(error); }
  /// The answer, once the transport has said that it is complete.
  Result<HttpResponse> finish();

  std::uint64_t received() const { return received_; }
  const HttpResponse& response() const { return response_; }

 private:
  enum class State { kStatusLine, kFields, kBody };

  Status take_line(std::string_view line);
  Status take_status_line(std::string_view line);
  Status take_field(std::string_view line);
  Status check_head();
  Status check_length() const;
  Status take_piece(std::span<const std::byte> bytes);
  bool is_part() const { return response_.status == 206 && (request_.offset > 0 || request_.part); }
  bool is_content() const { return (response_.status == 200 && !request_.part) || is_part(); }
  /// The part that was asked for.
  HttpPart part() const;
  /// What the body of an answer with content must have.
  std::optional<std::uint64_t> content_size() const;
  Status check_part() const;
  ByteCount body_limit() const;

  const HttpRequest& request_;
  HttpResponse response_;
  State state_ = State::kStatusLine;
  std::size_t head_size_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::optional<Error> error_;
};

}  // namespace mosb::oci
