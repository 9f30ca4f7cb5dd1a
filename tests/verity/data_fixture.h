#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mosb/base/process.h"
#include "verity/hash_tree.h"

namespace mosb::verity::test {

/// Directories for images that are mounted: not on tmpfs only because that has no xattrs before
/// Linux 6.6.
std::string scratch_parent();

/// Bytes that look like a squashfs image of `data_blocks` blocks to everything that only reads its
/// superblock: that, then bytes of a fixed pseudo-random sequence.
std::string image_bytes(std::uint64_t data_blocks, std::uint64_t seed = 1);

void write_all(const std::string& path, const std::string& bytes);
std::string read_all(const std::string& path);
/// Changes bytes in place.
void patch(const std::string& path, std::uint64_t offset, const std::string& bytes);
void flip_bit(const std::string& path, std::uint64_t bit);

/// Runs a program that must succeed; returns what it printed.
std::string run(const std::vector<std::string>& argv);
/// The exit status of a program.
int status_of(const std::vector<std::string>& argv);
/// Whether a program is installed; if not, says on a line that the test is skipped.
bool have(const std::string& program, const std::string& test);

/// A layer file of image_bytes().
struct MadeLayer {
  std::string path;
  HashTreeResult tree;
};
MadeLayer make_layer(const std::string& path, std::uint64_t data_blocks, std::uint64_t seed = 1);

/// What a signed manifest would say of such a file.
LayerSource source_of(const std::string& path,
                      std::uint64_t size,
                      const RootHash& root_hash,
                      Filesystem filesystem = Filesystem::kSquashfs);

}  // namespace mosb::verity::test
