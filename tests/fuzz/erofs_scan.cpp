#include "verity/erofs_scan.h"

#include <array>
#include <string>

#include <fcntl.h>

#include "fuzz.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "verity/block.h"
#include "verity/block_owner.h"
#include "verity/erofs_locate.h"
#include "verity/hash_tree.h"
#include "verity/layer_scan.h"
#include "verity/verified_reader.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

namespace {

void store(std::string& image, std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    image[offset + i] = static_cast<char>(value >> (8 * i));
  }
}

}  // namespace

/// The bytes as an erofs image that somebody signed. What the superblock says of the image's blocks
/// is put right, and that it has a checksum is taken away, else hardly any input would get further.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kCompatible = 1024 + 8;
  constexpr std::size_t kBlocks = 1024 + 36;
  if (size < kBlocks + 4) {
    return 0;
  }
  std::string image(fuzz::text(data, size));
  image.resize((size + verity::kBlockSize - 1) / verity::kBlockSize * verity::kBlockSize);
  store(image, kCompatible, 0);
  store(image, kBlocks, static_cast<std::uint32_t>(image.size() / verity::kBlockSize));
  static const TempDir dir = *TempDir::make("/dev/shm", "mosb-fuzz-");
  const std::string path = dir.path() + "/layer";
  const auto file = sys::open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  fuzz::require(file && sys::write_all(file->get(), std::as_bytes(std::span(image))).has_value());
  const auto tree = verity::append_hash_tree(path);
  if (!tree) {
    return 0;
  }
  const auto reader = verity::VerifiedReader::open(file->get(), tree->file_size, tree->root_hash);
  fuzz::require(reader.has_value());
  const std::string answer = verity::scan_erofs(*reader);
  fuzz::require(answer.size() <= verity::kMaxScanAnswer);
  const auto scan = verity::parse_scan_answer(answer);
  fuzz::require(scan || scan.error().message() != "the scanner's answer makes no sense");
  constexpr std::array<std::uint64_t, 3> kAsked{0, 1, 3};
  const std::string located = verity::locate_in_erofs(*reader, kAsked);
  fuzz::require(verity::parse_located_answer(located, kAsked).has_value() ||
                !verity::parse_scan_answer(located).has_value());
  return 0;
}
