#include "mosb/oci/blob.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kChunk = 256 * kKiB;

Error wrong_size(const Digest& digest, std::uint64_t size, const std::string& found) {
  return Error(Errc::kContent,
               digest.str() + " has " + found + " bytes, not " + std::to_string(size));
}

}  // namespace

BlobCheck::BlobCheck(const Descriptor& expected) : digest_(expected.digest), size_(expected.size) {}

Status BlobCheck::count(std::size_t bytes) {
  if (bytes > size_ - seen_) {
    return wrong_size(digest_, size_, "more");
  }
  seen_ += bytes;
  return ok();
}

Status BlobCheck::update(std::span<const std::byte> bytes) {
  MOSB_CHECK(count(bytes.size()));
  hasher_.update(bytes);
  return ok();
}

Status BlobCheck::finish() {
  return finish(hasher_.finish());
}

Status BlobCheck::finish(const Digest& found) const {
  if (seen_ != size_) {
    return wrong_size(digest_, size_, std::to_string(seen_));
  }
  if (found != digest_) {
    return Error(
        Errc::kContent,
        "content differs from its digest: " + digest_.str() + " wanted, " + found.str() + " found");
  }
  return ok();
}

Status check_content(const Descriptor& expected, std::string_view bytes) {
  BlobCheck check(expected);
  MOSB_CHECK(check.update(std::as_bytes(std::span(bytes))));
  return check.finish();
}

Result<std::size_t> BlobReader::read(std::span<std::byte> buffer) {
  if (const auto* const file = std::get_if<UniqueFd>(&source_)) {
    return sys::read(file->get(), buffer);
  }
  const auto bytes = std::as_bytes(std::span(std::get<std::string>(source_))).subspan(offset_);
  const std::size_t n = std::min(bytes.size(), buffer.size());
  std::copy_n(bytes.begin(), n, buffer.begin());
  offset_ += n;
  return n;
}

BlobSource BlobSource::file(std::string path) {
  return BlobSource(Path{std::move(path)});
}

BlobSource BlobSource::bytes(std::string bytes) {
  return BlobSource(std::move(bytes));
}

Result<BlobReader> BlobSource::open() const {
  if (const auto* const bytes = std::get_if<std::string>(&from_)) {
    return BlobReader(*bytes);
  }
  const std::string& path = std::get<Path>(from_).path;
  UniqueFd fd = MOSB_TRY(sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), path));
  if (!S_ISREG(st.st_mode)) {
    return Error(Errc::kContent, quote(path) + " is not a regular file");
  }
  return BlobReader(std::move(fd));
}

Status BlobSource::read_into(const BlobSink& sink) const {
  BlobReader reader = MOSB_TRY(open());
  std::vector<std::byte> buffer(kChunk);
  for (;;) {
    const std::size_t n = MOSB_TRY(reader.read(buffer));
    if (n > 0) {
      MOSB_CHECK(sink(std::span(buffer).first(n)));
    }
    if (n < buffer.size()) {
      return ok();
    }
  }
}

}  // namespace mosb::oci
