#include "mosb/oci/store_contents.h"

#include <algorithm>
#include <utility>

#include <sys/stat.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"

namespace mosb::oci {

namespace {

constexpr char kAlgorithm[] = "sha256";

StoredDocument document_of(const Manifest& manifest) {
  StoredDocument document;
  document.needs.push_back(manifest.config.digest);
  for (const Descriptor& layer : manifest.layers) {
    document.needs.push_back(layer.digest);
  }
  if (manifest.subject) {
    document.subject = manifest.subject->digest;
  }
  return document;
}

StoredDocument document_of(const Index& index) {
  StoredDocument document;
  for (const Descriptor& entry : index.manifests) {
    (is_index_type(entry.media_type) ? document.needs : document.lists).push_back(entry.digest);
  }
  if (index.subject) {
    document.subject = index.subject->digest;
  }
  return document;
}

/// Reads documents one after the other, indexes with the indexes in them.
class Reader {
 public:
  Reader(Store& store, StoreContents& contents) : store_(store), contents_(contents) {}

  void read(const Descriptor& descriptor, int depth = 0) {
    const Digest& digest = descriptor.digest;
    if (contents_.documents.contains(digest) || contents_.unreadable.contains(digest)) {
      return;
    }
    auto document = parse(descriptor, depth);
    if (document) {
      contents_.documents.emplace(digest, *std::move(document));
    } else {
      contents_.unreadable.emplace(digest, document.error().message());
    }
  }

  /// One of which nobody says what it is.
  void read(const Digest& digest) {
    const auto blob = contents_.blobs.find(digest);
    const std::uint64_t size = blob == contents_.blobs.end() ? 0 : blob->second.value;
    for (const char* const type : {kImageManifest, kDockerManifest}) {
      contents_.unreadable.erase(digest);
      read(Descriptor{.media_type = type, .digest = digest, .size = size});
    }
  }

 private:
  Result<StoredDocument> parse(const Descriptor& descriptor, int depth) {
    if (!is_manifest_type(descriptor.media_type) && !is_index_type(descriptor.media_type)) {
      return StoredDocument();  // nothing that mosb could read
    }
    const std::string bytes = MOSB_TRY(store_.repository().read_manifest(descriptor));
    if (is_manifest_type(descriptor.media_type)) {
      return document_of(MOSB_TRY(Manifest::parse(bytes, descriptor.media_type)));
    }
    const Index index = MOSB_TRY(Index::parse(bytes, descriptor.media_type));
    for (const Descriptor& entry : index.manifests) {
      const bool present = contents_.blobs.contains(entry.digest);
      if (present && depth < kMaxIndexDepth) {
        read(bare(entry), depth + 1);
      }
    }
    return document_of(index);
  }

  Store& store_;
  StoreContents& contents_;
};

/// Made by a pull, not by somebody's tool.
bool is_ours(const Descriptor& entry) {
  return !entry.annotations.contains(kRefName) &&
         (is_manifest_type(entry.media_type) || is_index_type(entry.media_type));
}

enum class Extent { kOneImage, kAllImages };

/// Adds what `roots` lead to: of an index that an image was chosen from, that image has its own
/// record.
void add_needs(std::set<Digest>& needed,
               std::vector<Digest> roots,
               const StoreContents& contents,
               Extent extent = Extent::kOneImage) {
  const auto add = [&roots](const std::vector<Digest>& more) {
    roots.insert(roots.end(), more.begin(), more.end());
  };
  while (!roots.empty()) {
    const Digest digest = roots.back();
    roots.pop_back();
    const auto document = contents.documents.find(digest);
    if (!needed.insert(digest).second || document == contents.documents.end()) {
      continue;
    }
    add(document->second.needs);
    if (extent == Extent::kAllImages) {
      add(document->second.lists);
    }
  }
}

/// Adds signatures of what is needed, signatures of those, and so on.
void add_referrers(std::set<Digest>& needed, const StoreContents& contents) {
  for (bool more = true; more;) {
    more = false;
    for (const Digest& digest : contents.listed) {
      const auto document = contents.documents.find(digest);
      const bool refers = document != contents.documents.end() && document->second.subject &&
                          needed.contains(*document->second.subject);
      if (refers && !needed.contains(digest)) {
        add_needs(needed, {digest}, contents);
        more = true;
      }
    }
  }
}

std::vector<Digest> roots_of(const std::vector<StoredImage>& records) {
  std::vector<Digest> roots;
  for (const StoredImage& image : records) {
    roots.push_back(image.manifest.digest);
    if (image.index) {
      roots.push_back(image.index->digest);
    }
  }
  return roots;
}

}  // namespace

Result<std::map<Digest, ByteCount>> list_blobs(const Store& store,
                                               std::vector<std::string>& unknown) {
  const std::string dir = store.dir() + "/blobs";
  std::map<Digest, ByteCount> blobs;
  for (const std::string& name : MOSB_TRY(list_dir(dir).as(Errc::kState))) {
    if (name != kAlgorithm) {
      unknown.push_back(dir + "/" + name);
    }
  }
  const std::string blob_dir = dir + "/" + kAlgorithm;
  for (const std::string& name : MOSB_TRY(list_dir(blob_dir).as(Errc::kState))) {
    const std::string path = blob_dir + "/" + name;
    const auto digest = Digest::parse(std::string(kAlgorithm) + ":" + name);
    const auto st = sys::lstat(path);
    if (!st) {
      continue;  // gone since
    }
    if (digest && S_ISREG(st->st_mode)) {
      blobs.emplace(*digest, ByteCount{static_cast<std::uint64_t>(st->st_size)});
    } else {
      unknown.push_back(path);
    }
  }
  return blobs;
}

Result<StoreContents> read_contents(Store& store, const std::set<Digest>& also) {
  StoreContents contents;
  contents.records = MOSB_TRY(store.images());
  contents.blobs = MOSB_TRY(list_blobs(store, contents.unknown));
  Reader reader(store, contents);
  for (const Descriptor& entry : MOSB_TRY(store.layout().index().as(Errc::kState)).manifests) {
    if (!is_record(entry)) {
      (is_ours(entry) ? contents.listed : contents.named).insert(entry.digest);
    }
    reader.read(bare(entry));
  }
  for (const StoredImage& image : contents.records) {
    if (image.index) {
      reader.read(*image.index);
    }
  }
  for (const Digest& digest : also) {
    if (!contents.documents.contains(digest)) {
      reader.read(digest);
    }
  }
  return contents;
}

Result<std::set<Digest>> needed_blobs(const StoreContents& contents, const StorePins& pins) {
  std::vector<Digest> roots = roots_of(contents.records);
  roots.insert(roots.end(), contents.named.begin(), contents.named.end());
  roots.insert(roots.end(), pins.manifests.begin(), pins.manifests.end());
  const auto is_pinned = [&](const Digest& image) { return pins.manifests.contains(image); };
  for (const Digest& digest : contents.listed) {
    const auto document = contents.documents.find(digest);
    if (document != contents.documents.end() &&
        std::any_of(document->second.lists.begin(), document->second.lists.end(), is_pinned)) {
      roots.push_back(digest);  // a signature may be of the index that a pin was chosen from
    }
  }
  for (const Digest& root : roots) {
    if (const auto it = contents.unreadable.find(root); it != contents.unreadable.end()) {
      return Error(Errc::kContent,
                   "what image " + root.str() + " needs can't be told: " + it->second)
          .with_hint("apply its manifest again to fetch it, or remove it with `mosb image rm`");
    }
  }
  std::set<Digest> needed;
  // First, as what is needed already is not gone through again.
  add_needs(needed, {contents.named.begin(), contents.named.end()}, contents, Extent::kAllImages);
  add_needs(needed, std::move(roots), contents);
  add_referrers(needed, contents);
  needed.insert(pins.blobs.begin(), pins.blobs.end());
  return needed;
}

std::set<Digest> reached_from(const std::set<Digest>& documents, const StoreContents& contents) {
  std::set<Digest> reached;
  add_needs(reached, {documents.begin(), documents.end()}, contents);
  return reached;
}

std::set<Digest> blobs_of(const std::vector<StoredImage>& records, const StoreContents& contents) {
  std::set<Digest> needed;
  add_needs(needed, roots_of(records), contents);
  add_referrers(needed, contents);
  return needed;
}

}  // namespace mosb::oci
