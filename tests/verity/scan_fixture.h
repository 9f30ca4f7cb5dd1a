// What the tests of scans share: real images of mksquashfs and mkfs.erofs, which a test can change
// and give a hash tree of their own, as a publisher would, and the real scanner.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"
#include "tests/verity/data_fixture.h"
#include "verity/layer_scanner.h"
#include "verity/little_endian.h"
#include "verity/squashfs_tables.h"

namespace mosb::verity::test {

inline std::string programs() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

/// An image in memory that a test can change.
class ImageBytes {
 public:
  ImageBytes(const std::string& path, Filesystem filesystem)
      : filesystem_(filesystem), bytes_(read_all(path)) {}

  template <class T>
  T get(std::uint64_t offset) const {
    return load_le<T>(std::as_bytes(std::span(bytes_)), offset);
  }
  template <class T>
  void set(std::uint64_t offset, T value) {
    store_le<T>(std::as_writable_bytes(std::span(bytes_)), offset, value);
  }
  void write(std::uint64_t offset, const std::string& text) {
    bytes_.replace(offset, text.size(), text);
  }
  const std::string& bytes() const { return bytes_; }
  Filesystem filesystem() const { return filesystem_; }

 private:
  Filesystem filesystem_;
  std::string bytes_;
};

/// A squashfs image whose tables are not compressed.
class Image : public ImageBytes {
 public:
  explicit Image(const std::string& path) : ImageBytes(path, Filesystem::kSquashfs) {}

  SquashfsTables tables() const {
    return must(SquashfsTables::read(std::as_bytes(std::span(bytes()))));
  }
  /// Where a directory has this name; the entry begins 8 bytes before: the inode's offset in its
  /// block, its number less the header's, its type, the name's length less one.
  std::uint64_t name(const std::string& name) const {
    const std::size_t at = bytes().find(name, tables().directory_table);
    REQUIRE(at != std::string::npos);
    return at;
  }
  /// Of the inode that the entry names, in the only block of the table.
  std::uint64_t inode(const std::string& entry) const {
    return tables().inode_table + 2 + get<std::uint16_t>(name(entry) - 8);
  }
};

class ScanFixture {
 public:
  ScanFixture() : dir_(must(TempDir::make(scratch_parent(), "mosb-scan-"))) {
    REQUIRE(sys::mkdir(tree(), 0755));
  }

  std::string tree() const { return dir_.path() + "/tree"; }
  std::string path() const { return dir_.path(); }
  void file(const std::string& name) const { write_all(tree() + "/" + name, name + "\n"); }
  void directory(const std::string& name) const {
    REQUIRE(sys::mkdir_all(tree() + "/" + name, 0755));
  }
  static void attribute(const std::string& path, const char* name, const std::string& value) {
    REQUIRE(::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0);
  }

  Image squash(std::vector<std::string> options = {}) const {
    const std::string squashfs = dir_.path() + "/image";
    std::filesystem::remove(squashfs);
    std::vector<std::string> argv{"mksquashfs",
                                  tree(),
                                  squashfs,
                                  "-noI",
                                  "-noId",
                                  "-noF",
                                  "-noX",
                                  "-noappend",
                                  "-no-progress",
                                  "-quiet",
                                  "-no-exports"};
    argv.insert(argv.end(), options.begin(), options.end());
    run(argv);
    return Image(squashfs);
  }
  LayerSource layer(const ImageBytes& image) const {
    const std::string blob = dir_.path() + "/blob";
    std::filesystem::remove(blob);
    write_all(blob, image.bytes());
    const HashTreeResult tree = must(append_hash_tree(blob));
    return {blob,
            tree.file_size,
            tree.root_hash,
            must(Digest::parse("sha256:" + std::string(64, '0'))),
            image.filesystem()};
  }
  Result<LayerScan> scan(const ImageBytes& image) const {
    return scan_layer(layer(image), scanner());
  }
  Scanner scanner() const { return {.libexec_dir = programs()}; }
  /// The error's text; "" if the layer passed.
  std::string refusal(const ImageBytes& image) const {
    const auto scanned = scan(image);
    CHECK((scanned || scanned.error().code() == Errc::kVerity));
    return scanned ? "" : scanned.error().message();
  }
  /// A folder with another program in the scanner's place.
  Scanner fake(const std::string& script) const {
    const std::string program = dir_.path() + "/mosb-layer-scan";
    write_all(program, "#!/bin/sh\n" + script + "\n");
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
    return {.libexec_dir = dir_.path(), .deadline = std::chrono::milliseconds(300)};
  }

 private:
  TempDir dir_;
};

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace mosb::verity::test
