#include "mosb/oci/blob_writer.h"

#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

/// More than what is hashed by the way.
const std::string kLarge(6'000'000, 'x');
const std::string kSmall = "small";

Descriptor described(const std::string& bytes) {
  return describe("application/octet-stream", bytes);
}

Status write_in_pieces(BlobWriter& writer, std::string_view bytes) {
  constexpr std::size_t kPiece = 100'000;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kPiece))) {
    MOSB_CHECK(writer.write(std::as_bytes(std::span(bytes.substr(0, kPiece)))));
  }
  return ok();
}

}  // namespace

TEST_CASE("a blob that is what its descriptor says gets its name", "[oci]") {
  const TempDir dir = temp_dir();
  for (const std::string& bytes : {kSmall, kLarge}) {
    BlobWriter writer = must(BlobWriter::create(dir.path(), described(bytes)));
    must(write_in_pieces(writer, bytes));
    const std::string path = dir.path() + "/" + described(bytes).digest.hex();
    must(writer.commit(path, kBlobMode));
    CHECK(must(read_file(path, ByteCount{10 * kMiB})) == bytes);
  }
}

TEST_CASE("a blob with one byte changed, missing or too many gets no name", "[oci]") {
  const TempDir dir = temp_dir();
  const std::string path = dir.path() + "/blob";
  for (const std::string& bytes : {kSmall, kLarge}) {
    std::string changed = bytes;
    changed[bytes.size() / 2] ^= 1;
    for (const std::string& wrong : {changed, bytes.substr(1)}) {
      BlobWriter writer = must(BlobWriter::create(dir.path(), described(bytes)));
      must(write_in_pieces(writer, wrong));
      CHECK(error_code(writer.commit(path, kBlobMode)) == Errc::kContent);
    }
    BlobWriter writer = must(BlobWriter::create(dir.path(), described(bytes)));
    CHECK(error_code(write_in_pieces(writer, bytes + "x")) == Errc::kContent);
  }
  CHECK(!path_exists(path));
}

TEST_CASE("a large blob starts over after wrong bytes, and goes on after a pause", "[oci]") {
  const TempDir dir = temp_dir();
  const std::string path = dir.path() + "/blob";
  {
    BlobWriter writer = must(BlobWriter::resume(dir.path(), described(kLarge)));
    must(write_in_pieces(writer, std::string(kLarge.size(), 'y')));
    CHECK(error_code(writer.commit(path, kBlobMode)) == Errc::kContent);
    must(writer.restart());
    must(write_in_pieces(writer, kLarge.substr(0, 1'500'000)));
    writer.keep();
  }
  BlobWriter writer = must(BlobWriter::resume(dir.path(), described(kLarge)));
  CHECK(writer.size() == 1'500'000);
  must(write_in_pieces(writer, kLarge.substr(1'500'000)));
  must(writer.commit(path, kBlobMode));
  CHECK(must(read_file(path, ByteCount{10 * kMiB})) == kLarge);
}
