#include "mosb/oci/repository.h"

#include <algorithm>

namespace mosb::oci {

Result<std::string> Repository::read_blob(const Descriptor& descriptor, ByteCount limit) {
  if (descriptor.size > limit.value) {
    return Error(Errc::kContent,
                 descriptor.digest.str() + " has " + std::to_string(descriptor.size) +
                     " bytes, more than " + std::to_string(limit.value));
  }
  std::string bytes;
  MOSB_CHECK(fetch_blob(descriptor, [&bytes](std::span<const std::byte> part) {
    // reinterpret_cast: bytes as characters.
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return ok();
  }));
  return bytes;
}

Status Repository::fetch_blob(const Descriptor& descriptor, const BlobSink& sink) {
  BlobCheck check(descriptor);
  MOSB_TRY(stream_blob(descriptor, 0, [&](std::span<const std::byte> part) -> Status {
    MOSB_CHECK(check.update(part));
    return sink(part);
  }));
  return check.finish();
}

Status Repository::read_part(const Descriptor& descriptor,
                             std::uint64_t from,
                             std::span<std::byte> out) {
  std::size_t filled = 0;
  const auto streamed =
      stream_blob(descriptor, from, [&](std::span<const std::byte> bytes) -> Status {
        const std::size_t n = std::min(bytes.size(), out.size() - filled);
        std::ranges::copy(bytes.first(n), out.subspan(filled).begin());
        filled += n;
        // What ends the stream, and is no error here.
        return filled < out.size() ? ok() : Status(Error(Errc::kInternal, "enough"));
      });
  if (filled == out.size()) {
    return ok();
  }
  MOSB_CHECK(streamed);
  return Error(Errc::kContent, descriptor.digest.str() + " has no such part");
}

}  // namespace mosb::oci
