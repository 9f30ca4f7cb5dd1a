#include "tests/verity/named_layer.h"

#include "tests/support/must.h"

namespace mosb::verity {

LayerSource layer(const std::string& name) {
  return LayerSource{"/blobs/" + name,
                     ByteCount{8192},
                     RootHash(Digest::of("root " + name).bytes()),
                     Digest::of(name),
                     Filesystem::kSquashfs};
}

LayerSource signed_layer(const std::string& name) {
  LayerSource one = layer(name);
  std::vector<std::byte> der;
  for (const int byte :
       {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02, 0x05, 0x00}) {
    der.push_back(static_cast<std::byte>(byte));
  }
  one.signature = must(RootHashSignature::from_der(der));
  return one;
}

}  // namespace mosb::verity
