#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/deadline.h"
#include "mosb/base/result.h"
#include "verity/layer.h"
#include "verity/root_hash.h"
#include "verity/superblock.h"

namespace mosb::verity {

struct HashTreeResult {
  RootHash root_hash;
  /// Of the whole layer file: what its descriptor has to say.
  ByteCount file_size;
};

/// Turns a squashfs or erofs image into a layer file: pads it to whole blocks, appends superblock
/// and hash tree, fsyncs. Salt and UUID follow from the content, so the same image gives the same
/// file. `veritysetup verify --hash-offset` accepts the result. On failure the file may be left
/// longer than it was. Errors: kVerity if the file is no such image or has something behind it.
Result<HashTreeResult> append_hash_tree(const std::string& path);

/// The same with a given salt and UUID.
Result<HashTreeResult> append_hash_tree(const std::string& path,
                                        const Salt& salt,
                                        const Uuid& uuid);

/// Reads every block of a layer's file and checks it, and that it is the file system that it should
/// be. Errors: kVerity, naming the first bad block.
Status verify_layer_file(const LayerSource& layer);

struct FoundBlocks {
  /// Rising.
  std::vector<std::uint64_t> blocks;
  /// False if there was no time to read all. What was found is bad all the same.
  bool complete = true;
};
/// Reads the data blocks of a layer's file and finds the first `most` that are not what was signed,
/// until the deadline. Under a bad hash block all data blocks are bad. Errors: kVerity where the
/// tree is so damaged that nothing can be told of single blocks.
Result<FoundBlocks> find_bad_blocks(const LayerSource& layer,
                                    std::size_t most,
                                    const Deadline& deadline);

}  // namespace mosb::verity
