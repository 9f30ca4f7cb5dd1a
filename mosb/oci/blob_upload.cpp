#include "mosb/oci/blob_upload.h"

#include <algorithm>
#include <optional>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

/// Gives a blob's bytes to the wire and checks them on the way: the last piece is held back if the
/// digest is not what it should be, so a registry never gets to store wrong bytes.
class CheckedUpload {
 public:
  CheckedUpload(const Descriptor& descriptor, const BlobSource& source)
      : descriptor_(descriptor), source_(source), check_(descriptor) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) {
    if (offset == 0) {
      reader_.emplace(MOSB_TRY(source_.open()));
      check_ = BlobCheck(descriptor_);
    } else if (offset != check_.seen()) {
      return Error(Errc::kInternal, "upload asked for from the middle");
    }
    const std::uint64_t left = descriptor_.size - check_.seen();
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    const std::size_t n = MOSB_TRY(reader_->read(buffer.first(wanted)));
    MOSB_CHECK(check_.update(buffer.first(n)));
    if (check_.seen() == descriptor_.size || n < wanted) {
      MOSB_CHECK(check_.finish());
    }
    return n;
  }

 private:
  const Descriptor& descriptor_;
  const BlobSource& source_;
  BlobCheck check_;
  std::optional<BlobReader> reader_;
};

Result<bool> is_present(RegistrySession& session, const Descriptor& descriptor) {
  HttpRequest head =
      RegistrySession::request(HttpMethod::kHead, session.url("blobs/" + descriptor.digest.str()));
  const HttpResponse response = MOSB_TRY(session.send(std::move(head), Access::kPush));
  if (response.status == 404) {
    return false;
  }
  if (response.status != 200) {
    return session.refusal(response, "ask for it");
  }
  const auto length = MOSB_TRY(response.headers.find("Content-Length"));
  if (length && *length != std::to_string(descriptor.size)) {
    return Error(Errc::kContent,
                 "the registry has " + quote(*length) + " bytes of it where " +
                     std::to_string(descriptor.size) + " are declared");
  }
  return true;
}

/// Where the bytes are to be put.
Result<Url> begin_upload(RegistrySession& session) {
  const Url uploads = session.url("blobs/uploads/");
  HttpRequest post = RegistrySession::request(HttpMethod::kPost, uploads);
  post.upload = upload_of("");
  const HttpResponse response = MOSB_TRY(session.send(std::move(post), Access::kPush));
  if (response.status != 202) {
    return session.refusal(response, "begin the upload");
  }
  const auto location = MOSB_TRY(response.headers.find("Location"));
  const Url url = MOSB_TRY(uploads.resolve(location.value_or("")).context("upload location"));
  if (!url.same_origin(uploads)) {
    // The credentials would go there, and so would the bytes.
    return Error(Errc::kNetwork,
                 "the registry wants the bytes put to another place, " +
                     quote(url.scheme + "://" + url.authority()));
  }
  return url;
}

}  // namespace

Status upload_blob(RegistrySession& session,
                   const Descriptor& descriptor,
                   const BlobSource& source) {
  if (MOSB_TRY(is_present(session, descriptor))) {
    return ok();
  }
  CheckedUpload upload(descriptor, source);
  if (descriptor.size == 0) {
    MOSB_CHECK(BlobCheck(descriptor).finish());  // nothing will be read then
  }
  Url url = MOSB_TRY(begin_upload(session));
  url.target += url.target.find('?') == std::string::npos ? "?" : "&";
  url.target += "digest=" + percent_encode(descriptor.digest.str());
  HttpRequest put = RegistrySession::request(HttpMethod::kPut, url);
  put.headers.emplace_back("Content-Type", "application/octet-stream");
  put.upload = HttpUpload{.size = descriptor.size,
                          .read = [&upload](std::uint64_t offset, std::span<std::byte> buffer) {
                            return upload.read(offset, buffer);
                          }};
  const HttpResponse response = MOSB_TRY(session.send(std::move(put), Access::kPush));
  if (response.status != 201) {
    return session.refusal(response, "end the upload");
  }
  return ok();
}

}  // namespace mosb::oci
