// mosb-layer-server ROOT_HASH SIZE: the data blocks of one layer as a file that can only be read
// right. Started by the mounting code, which makes the FUSE mount and passes the descriptors.

#include "verity/fuse_server.h"
#include "verity/layer_file.h"

int main(int argc, char** argv) {
  using namespace mosb;
  using namespace mosb::verity;
  if (argc != 3) {
    refuse_to_serve(Error(Errc::kUsage, "usage: mosb-layer-server ROOT_HASH SIZE"));
  }
  const auto layer = ServedLayer::parse(argv[1], argv[2]);
  if (!layer) {
    refuse_to_serve(layer.error());
  }
  serve_layer(*layer, {.memory = ByteCount{16 * kMiB}, .make_handler = make_layer_file});
}
