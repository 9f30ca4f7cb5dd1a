#include "verity/squashfs_scan.h"

#include <string>

#include <fcntl.h>

#include "fuzz.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "verity/hash_tree.h"
#include "verity/layer_scan.h"
#include "verity/verified_reader.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

/// libsquashfuse forgets tables that it has read when it refuses an image; the scanner ends then.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): LSan calls it so.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:sqfs_table_init";
}

/// The bytes as a squashfs image that somebody signed. What the superblock says of the size is put
/// right, else hardly any input would get further.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kBytesUsed = 40;
  if (size < 96) {
    return 0;
  }
  std::string image(reinterpret_cast<const char*>(data), size);
  for (std::size_t i = 0; i < 8; ++i) {
    image[kBytesUsed + i] = static_cast<char>(std::uint64_t{size} >> (8 * i));
  }
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
  const std::string answer = verity::scan_squashfs(*reader);
  fuzz::require(answer.size() <= verity::kMaxScanAnswer);
  const auto scan = verity::parse_scan_answer(answer);
  fuzz::require(scan || scan.error().message() != "the scanner's answer makes no sense");
  return 0;
}
