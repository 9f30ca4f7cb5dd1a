#include "mosb/oci/repository.h"

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

}  // namespace mosb::oci
