// Images of mkfs.erofs for the tests of their scan. Where things lie in them says dump.erofs, which
// knows nothing of ours.
#pragma once

#include <string>
#include <vector>

#include "tests/verity/scan_fixture.h"
#include "verity/erofs_superblock.h"

namespace mosb::verity::test {

/// Without the checksum that its superblock has, so that a test can change it.
class ErofsImage : public ImageBytes {
 public:
  static constexpr std::uint64_t kSuperblock = ErofsSuperblock::kOffset;

  explicit ErofsImage(const std::string& path) : ImageBytes(path, Filesystem::kErofs), path_(path) {
    set<std::uint32_t>(kSuperblock + 8, get<std::uint32_t>(kSuperblock + 8) & ~1U);
  }

  /// Of the inode; its place in units of 32 bytes, as dump.erofs says.
  std::uint64_t number(const std::string& file) const {
    const std::string text = run({"dump.erofs", "--path=" + file, path_});
    const std::size_t at = text.find("NID: ");
    REQUIRE(at != std::string::npos);
    return std::stoull(text.substr(at + 5));
  }
  /// Where it begins.
  std::uint64_t inode(const std::string& file) const {
    return get<std::uint32_t>(kSuperblock + 40) * std::uint64_t{kBlockSize} + number(file) * 32;
  }
  /// Where the end of its data begins, which follows inode and attributes.
  std::uint64_t tail(const std::string& file) const {
    const std::uint64_t at = inode(file);
    const std::uint64_t units = get<std::uint16_t>(at + 2);
    return at + ((get<std::uint16_t>(at) & 1U) != 0 ? 64 : 32) +
           (units == 0 ? 0 : 12 + 4 * (units - 1));
  }
  /// Of the entry with this index in the directory, which must not be larger than a block: 8 bytes
  /// of the inode's number, 2 of the name's offset, the kind.
  std::uint64_t entry(const std::string& directory, unsigned index) const {
    return tail(directory) + std::uint64_t{12} * index;
  }
  /// Where its name is.
  std::uint64_t name(const std::string& directory, unsigned index) const {
    return tail(directory) + get<std::uint16_t>(entry(directory, index) + 8);
  }
  /// Where the only such text is.
  std::uint64_t find(const std::string& text) const {
    const std::size_t at = bytes().find(text);
    REQUIRE(at != std::string::npos);
    REQUIRE(bytes().find(text, at + 1) == std::string::npos);
    return at;
  }

 private:
  std::string path_;
};

class ErofsScanFixture : public ScanFixture {
 public:
  /// With inodes of 32 bytes, unless the options say otherwise: all have one time, which
  /// SOURCE_DATE_EPOCH would have mkfs.erofs write in each.
  ErofsImage make(std::vector<std::string> options = {}) const {
    const std::string image = path() + "/erofs";
    std::filesystem::remove(image);
    std::vector<std::string> argv{"env", "-u", "SOURCE_DATE_EPOCH", "mkfs.erofs", "--quiet", "-T0"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {image, tree()});
    run(argv);
    return ErofsImage(image);
  }
  /// The refusal of the image with a number changed in it.
  template <class T>
  std::string refusal_with(ErofsImage image, std::uint64_t offset, T value) const {
    image.set<T>(offset, value);
    return refusal(image);
  }
  /// How many inodes the kernel shows in the image that was made last.
  std::size_t inodes_in_kernel() const {
    const std::string at = path() + "/mounted";
    REQUIRE(sys::mkdir_all(at, 0755));
    const std::string script =
        "mount -t erofs -o loop,ro \"$1\" \"$2\" && trap 'umount \"$2\"' EXIT && "
        "find \"$2\" -printf '%i\\n' | sort -u | wc -l";
    return std::stoul(run({"sh", "-c", script, "sh", path() + "/erofs", at}));
  }
};

}  // namespace mosb::verity::test
