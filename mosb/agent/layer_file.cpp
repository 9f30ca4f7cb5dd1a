#include "mosb/agent/layer_file.h"

#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/unique_fd.h"
#include "mosb/oci/media_types.h"
#include "verity/hash_tree.h"

namespace mosb::agent {

namespace {

Result<oci::Descriptor> describe_file(const std::string& path, std::string media_type) {
  const UniqueFd file = MOSB_TRY(sys::open(path, O_RDONLY));
  std::vector<std::byte> buffer(1 * kMiB);
  Hasher hasher;
  std::uint64_t size = 0;
  for (;;) {
    const std::size_t n = MOSB_TRY(sys::read(file.get(), buffer));
    hasher.update(std::span(buffer).first(n));
    size += n;
    if (n < buffer.size()) {
      return oci::Descriptor{std::move(media_type), hasher.finish(), size};
    }
  }
}

}  // namespace

Result<LayerFile> finish_plain_layer(const std::string& image, const LayerFormat& format) {
  return LayerFile{MOSB_TRY(describe_file(image, layer_media_type(format))), image};
}

Result<LayerFile> finish_layer(const std::string& image,
                               const LayerFormat& format,
                               const std::optional<RootHashSigner>& signer) {
  const verity::HashTreeResult made = MOSB_TRY(verity::append_hash_tree(image));
  LayerFile layer = MOSB_TRY(finish_plain_layer(image, format));
  oci::Annotations& annotations = layer.descriptor.annotations;
  annotations[oci::kRootHash] = made.root_hash.hex();
  annotations[oci::kRootHashOld] = made.root_hash.hex();
  if (signer) {
    annotations[oci::kRootHashSignature] = MOSB_TRY(signer->sign(made.root_hash)).base64();
  }
  return layer;
}

Status fetch_to_file(oci::Repository& from, const oci::Descriptor& blob, const std::string& path) {
  const UniqueFd file = MOSB_TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return from.fetch_blob(blob, [&](std::span<const std::byte> bytes) {
    return sys::write_all(file.get(), bytes).context(quote(path));
  });
}

}  // namespace mosb::agent
