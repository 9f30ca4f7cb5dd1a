#include "mosb/base/file.h"
#include "mosb/base/hex.h"
#include "mosb/base/text.h"
#include "verity/dm_task.h"
#include "verity/loop_device.h"
#include "verity/verity_device.h"

namespace mosb::verity {

namespace {

constexpr std::uint64_t kSectorsPerBlock = kBlockSize / 512;
constexpr ByteCount kMaxLine{512};
/// The words of a verity target's table, of version 1. Options follow: their number, then they.
enum Word : std::size_t {
  kVersion,
  kDataDevice,
  kHashDevice,
  kDataBlockSize,
  kHashBlockSize,
  kDataBlocks,
  kHashStart,
  kAlgorithm,
  kDigest,
  kSalt,
  kWords,
};
/// The only option that may be there, with the name that the kernel's keyring had the signature
/// under while the device was made.
enum SignatureWord : std::size_t {
  kOptionCount = kWords,
  kOption,
  kKeyName,
  kWordsWithSignature,
};

std::string instance_prefix(const MountEnvironment& environment) {
  return "mosb-" + environment.instance + "-";
}

/// Of a file in /sys; nullopt if it is not there.
std::optional<std::string> read_line(const std::string& path) {
  auto text = read_kernel_file(path, kMaxLine);
  if (!text) {
    return std::nullopt;
  }
  text->resize(text->find_last_not_of('\n') + 1);
  return *std::move(text);
}

bool is_salt(const std::string& word) {
  return word.size() == 2 * kSaltSize && from_hex(word).has_value();
}

bool has_signature_option(const std::vector<std::string>& words) {
  return words.size() == kWordsWithSignature && words[kOptionCount] == "2" &&
         words[kOption] == "root_hash_sig_key_desc" && !words[kKeyName].empty();
}

/// A word more or another one (ignore_corruption, check_at_most_once, error correction) is another
/// device.
bool has_known_words(const std::vector<std::string>& words) {
  return words.size() == kWords || has_signature_option(words);
}

}  // namespace

std::optional<int> data_loop(const VerityFacts& facts) {
  const std::vector<std::string> words = split(facts.table, ' ');
  return has_known_words(words) && words[kDataDevice] == words[kHashDevice]
             ? loop_number(words[kDataDevice])
             : std::nullopt;
}

bool is_corrupt_status(const std::string& status) {
  return status.substr(0, status.find(' ')) != "V";
}

bool is_table_of(const VerityFacts& facts, const LayerSource& layer) {
  const auto geometry = Geometry::of_layer_size(layer.size);
  const std::vector<std::string> words = split(facts.table, ' ');
  return geometry && facts.target_type == "verity" && facts.read_only && facts.start_sector == 0 &&
         facts.sectors == geometry->data_blocks * kSectorsPerBlock && has_known_words(words) &&
         (!layer.signature || has_signature_option(words)) && words[kVersion] == "1" &&
         words[kDataBlockSize] == std::to_string(kBlockSize) &&
         words[kHashBlockSize] == std::to_string(kBlockSize) &&
         words[kDataBlocks] == std::to_string(geometry->data_blocks) &&
         words[kHashStart] == std::to_string(geometry->superblock_block() + 1) &&
         words[kAlgorithm] == "sha256" && words[kDigest] == layer.root_hash.hex() &&
         is_salt(words[kSalt]);
}

bool has_signed_root_hash(const VerityFacts& facts) {
  return facts.target_type == "verity" && has_signature_option(split(facts.table, ' '));
}

std::string verity_prefix(const MountEnvironment& environment, const RootHash& root_hash) {
  constexpr std::size_t kDigits = 32;
  return instance_prefix(environment) + root_hash.hex().substr(0, kDigits) + "-";
}

std::optional<std::string> mapper_name(const std::string& device) {
  return read_line("/sys/dev/block/" + device + "/dm/name");
}

std::vector<NamedDevice> list_verity_devices(const MountEnvironment& environment) {
  // /sys shows a device only once it has had a table.
  auto task = DmTask::make(DM_DEVICE_LIST, "");
  if (!task || task->run() != 0) {
    return std::vector<NamedDevice>();
  }
  std::vector<NamedDevice> devices = task->devices();
  std::erase_if(devices, [prefix = instance_prefix(environment)](const NamedDevice& device) {
    return !device.name.starts_with(prefix);
  });
  return devices;
}

}  // namespace mosb::verity
