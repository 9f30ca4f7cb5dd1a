#include "mosb/oci/layout_index.h"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

constexpr char kFile[] = "/index.json";
constexpr mode_t kFileMode = 0644;
/// Far more than a layout holds; each is a file to be opened.
constexpr std::size_t kMaxVisited = 20'000;

constexpr char kManifests[] = "manifests";

DocumentRules rules() {
  return {.media_type = kImageIndex,
          .media_type_optional = true,
          .foreign_members = {"layers", "config", "fsLayers"}};
}

/// Descriptor by descriptor: there may be thousands, and as one tree of values they would take
/// several times as long.
Result<Index> parse(std::string_view text) {
  Index index;
  const Json document = MOSB_TRY(parse_document(
      text, kMaxLayoutIndexSize, rules(), {kManifests, [&](const Json& manifest) -> Status {
                                             index.manifests.push_back(
                                                 MOSB_TRY(parse_descriptor(manifest)));
                                             return ok();
                                           }}));
  MOSB_TRY(json::require_array(document, kManifests));
  index.annotations = MOSB_TRY(json::optional_string_map(document, "annotations"));
  return index;
}

/// What parse() would refuse.
Status check(const Json& document) {
  MOSB_TRY(parse_descriptors(document, kManifests, std::numeric_limits<std::size_t>::max()));
  MOSB_TRY(json::optional_string_map(document, "annotations"));
  return ok();
}

/// Temporary files of a writer that was killed; only a writer that holds the lock makes them.
Status remove_leftovers(const std::string& dir) {
  for (const std::string& name : MOSB_TRY(list_dir(dir))) {
    if (name.rfind("index.json.tmp-", 0) == 0) {
      MOSB_CHECK(sys::unlink(dir + "/" + name));
    }
  }
  return ok();
}

class Walk {
 public:
  Walk(const std::function<Result<std::string>(const Descriptor&)>& read,
       const std::function<Result<bool>(const Descriptor&)>& visit)
      : read_(read), visit_(visit) {}

  Result<bool> list(const std::vector<Descriptor>& manifests, int depth) {
    for (const Descriptor& manifest : manifests) {
      if (!MOSB_TRY(enter(manifest, depth))) {
        return false;
      }
    }
    return true;
  }

 private:
  Result<bool> enter(const Descriptor& descriptor, int depth) {
    if (!seen_.insert(descriptor.digest).second) {
      return true;
    }
    if (seen_.size() > kMaxVisited) {
      return Error(Errc::kContent,
                   "the layout lists more than " + std::to_string(kMaxVisited) + " manifests");
    }
    if (!MOSB_TRY(visit_(descriptor))) {
      return false;
    }
    if (depth >= kMaxIndexDepth || !is_index_type(descriptor.media_type)) {
      return true;
    }
    const auto bytes = read_(descriptor);
    if (!bytes) {
      return true;
    }
    const auto index = Index::parse(*bytes, descriptor.media_type);
    return index ? list(index->manifests, depth + 1) : Result<bool>(true);
  }

  const std::function<Result<std::string>(const Descriptor&)>& read_;
  const std::function<Result<bool>(const Descriptor&)>& visit_;
  std::set<Digest> seen_;
};

}  // namespace

Result<Json> read_layout_index(const std::string& dir) {
  const std::string path = dir + kFile;
  const std::string text = MOSB_TRY(read_file(path, kMaxLayoutIndexSize));
  Json document = MOSB_TRY(parse_document(text, kMaxLayoutIndexSize, rules()).context(quote(path)));
  MOSB_CHECK(check(document).context(quote(path)));
  return document;
}

namespace {

/// Tells a file from one that takes its name later.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t changed_seconds = 0;
  std::int64_t changed_nanoseconds = 0;
  bool operator==(const FileIdentity&) const = default;

  static Result<FileIdentity> of(const std::string& path) {
    const struct stat st = MOSB_TRY(sys::lstat(path));
    return FileIdentity{st.st_dev, st.st_ino, st.st_size, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
  }
};

/// Indexes that were read, by their layouts' directories.
struct ReadIndexes {
  struct One {
    FileIdentity identity;
    std::shared_ptr<const Index> index;
  };
  std::mutex mutex;
  std::map<std::string, One> by_dir;
};

/// A command works with the store and a layout or two.
constexpr std::size_t kMaxKept = 4;

ReadIndexes& read_indexes() {
  static ReadIndexes indexes;
  return indexes;
}

void forget(const std::string& dir) {
  const std::lock_guard lock(read_indexes().mutex);
  read_indexes().by_dir.erase(dir);
}

}  // namespace

Result<std::shared_ptr<const Index>> look_at_layout_index(const std::string& dir) {
  ReadIndexes& kept = read_indexes();
  const std::lock_guard lock(kept.mutex);
  // Looked at first: if it is replaced while it is read, the next look finds another one.
  const FileIdentity identity = MOSB_TRY(FileIdentity::of(dir + kFile));
  const auto it = kept.by_dir.find(dir);
  if (it != kept.by_dir.end() && it->second.identity == identity) {
    return it->second.index;
  }
  const std::string text = MOSB_TRY(read_file(dir + kFile, kMaxLayoutIndexSize));
  auto index = std::make_shared<const Index>(MOSB_TRY(parse(text).context(quote(dir + kFile))));
  if (kept.by_dir.size() >= kMaxKept) {
    kept.by_dir.clear();
  }
  kept.by_dir.insert_or_assign(dir, ReadIndexes::One{identity, index});
  return index;
}

Status write_layout_index(const std::string& dir, const Json& document) {
  const std::string text = print_json(document);
  // Nothing is written that could not be read again.
  MOSB_CHECK(parse(text).context("new index of " + quote(dir)));
  MOSB_CHECK(remove_leftovers(dir));
  forget(dir);
  return write_file_atomic(dir + kFile, text, kFileMode);
}

Json empty_layout_index() {
  return {{"schemaVersion", 2}, {"mediaType", kImageIndex}, {"manifests", Json::array()}};
}

Status walk_layout(const Index& index,
                   const std::function<Result<std::string>(const Descriptor&)>& read,
                   const std::function<Result<bool>(const Descriptor&)>& visit) {
  MOSB_CHECK(Walk(read, visit).list(index.manifests, 0));
  return ok();
}

}  // namespace mosb::oci
