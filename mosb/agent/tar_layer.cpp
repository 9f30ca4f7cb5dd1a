#include "mosb/agent/tar_layer.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "mosb/agent/tar_handles.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

using oci::ArchiveLibrary;

// Spec: OCI image 1.1 §Whiteouts, §Opaque Whiteout.
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
/// What AUFS kept for itself starts so.
constexpr std::string_view kReserved = ".wh..wh.";

constexpr char kOpaqueAttribute[] = "trusted.overlay.opaque";
constexpr std::array<std::string_view, 2> kOverlayAttributes{"trusted.overlay.", "user.overlay."};

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

/// The header of an entry, as far as it decides what becomes of it.
struct Header {
  /// Where it goes; "" for the root, for what is left out, and for markers.
  std::string path;
  /// Of a hard link.
  std::optional<std::string> link = std::nullopt;
  /// Of a link to a file of a lower layer: where that comes from.
  std::optional<FileOrigin> lower = std::nullopt;
  bool is_kept = false;
};

/// What a layer's headers say together: a marker may come behind what it is about.
class Plan {
 public:
  Plan(const ArchiveLibrary& lib, LayerTree& tree)
      : lib_(lib), tree_(tree), layer_(tree.begin_layer()) {}

  /// Whiteouts are about the layers below only, so they come before everything else.
  Status take_marker(archive_entry* entry) {
    const std::string path = MOSB_TRY(clean_tar_path(lib_.entry_pathname(entry)));
    const std::string name = name_of(path);
    if (!name.starts_with(kWhiteout)) {
      return ok();
    }
    if (name == kOpaque) {
      opaque_.insert(MOSB_TRY(resolve_directory(parent_path(path))));
      return ok();
    }
    if (name.starts_with(kReserved)) {
      return ok();
    }
    const std::string hidden = name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") {
      return Error(Errc::kContent, "whiteout " + quote(path) + " hides nothing");
    }
    const std::string dir = parent_path(path);
    const std::string target = MOSB_TRY(tree_.resolve(dir.empty() ? hidden : dir + "/" + hidden));
    if (tree_.contains(target)) {
      whiteouts_.insert(target);
    }
    return ok();
  }

  void apply_markers() {
    if (opaque_.erase("") > 0) {
      // Overlayfs merges the roots of layers whatever their attributes say.
      for (std::string& name : tree_.in_root()) {
        whiteouts_.insert(std::move(name));
      }
    }
    for (const std::string& path : whiteouts_) {
      tree_.remove(path);
    }
    for (const std::string& dir : opaque_) {
      tree_.clear(dir);
    }
  }

  Status take(archive_entry* entry) {
    const std::string written = MOSB_TRY(tar_entry_path(lib_, entry));
    Header header;
    if (written.empty()) {
      root_ = RootDirectory{lib_.entry_perm(entry),
                            static_cast<std::uint32_t>(lib_.entry_uid(entry)),
                            static_cast<std::uint32_t>(lib_.entry_gid(entry))};
    } else if (!name_of(written).starts_with(kWhiteout)) {
      header.path = MOSB_TRY(tree_.resolve(written));
      header.is_kept = true;
      MOSB_CHECK(tree_.count_name(header.path));
      MOSB_CHECK(put_parents(header.path));
      MOSB_CHECK(put(entry, header));
      const auto [known, is_new] = last_.emplace(header.path, headers_.size());
      if (!is_new) {
        headers_[std::exchange(known->second, headers_.size())].is_kept = false;
      }
    }
    if (headers_.size() == kMaxLayerFiles) {
      return Error(Errc::kContent,
                   "the layer has more than " + std::to_string(kMaxLayerFiles) + " files");
    }
    headers_.push_back(std::move(header));
    return ok();
  }

  const std::vector<Header>& headers() const { return headers_; }
  const RootDirectory& root() const { return root_; }
  bool is_listed(const std::string& path) const { return last_.contains(path); }
  bool is_directory(const std::string& path) const { return directories_.contains(path); }
  /// A directory that was hidden below and is made anew shows nothing of the one below.
  bool is_opaque(const std::string& dir) const {
    return opaque_.contains(dir) || (whiteouts_.contains(dir) && tree_.directory(dir));
  }
  const std::set<std::string>& whiteouts() const { return whiteouts_; }
  const std::set<std::string>& opaque() const { return opaque_; }

 private:
  /// Where a directory is, if its name is a symlink, too.
  Result<std::string> resolve_directory(const std::string& path) const {
    if (path.empty()) {
      return path;
    }
    return parent_path(MOSB_TRY(tree_.resolve(path + "/x")));
  }

  Status put_parents(const std::string& path) {
    for (std::string dir = parent_path(path); !tree_.contains(dir); dir = parent_path(dir)) {
      MOSB_CHECK(tree_.count_name(dir));
      tree_.put_directory(dir, {});
    }
    return ok();
  }

  Status put(archive_entry* entry, Header& header) {
    directories_.erase(header.path);
    if (const char* const target = lib_.entry_hardlink(entry)) {
      header.link = MOSB_TRY(tree_.resolve(MOSB_TRY(clean_tar_path(target))));
      const std::optional<FileOrigin> origin = tree_.file(*header.link);
      if (origin && origin->layer < layer_) {
        header.lower = origin;
      }
      tree_.put_file(header.path, origin);
      return ok();
    }
    switch (lib_.entry_filetype(entry)) {
      case AE_IFDIR:
        tree_.put_directory(header.path,
                            {lib_.entry_perm(entry),
                             static_cast<std::uint32_t>(lib_.entry_uid(entry)),
                             static_cast<std::uint32_t>(lib_.entry_gid(entry))});
        directories_.insert(header.path);
        return ok();
      case AE_IFLNK: {
        const char* const target = lib_.entry_symlink(entry);
        tree_.put_symlink(header.path, target != nullptr ? target : "");
        return ok();
      }
      case AE_IFCHR:
        if (lib_.entry_rdevmajor(entry) == 0 && lib_.entry_rdevminor(entry) == 0) {
          return Error(Errc::kContent, "device 0:0 " + quote(header.path) + " hides a file");
        }
        break;
      case AE_IFREG:
        tree_.put_file(header.path, FileOrigin{layer_, headers_.size()});
        return ok();
      default:
        break;
    }
    tree_.put_file(header.path, std::nullopt);
    return ok();
  }

  const ArchiveLibrary& lib_;
  LayerTree& tree_;
  const std::size_t layer_;
  RootDirectory root_;
  std::set<std::string> whiteouts_;
  std::set<std::string> opaque_;
  std::set<std::string> directories_;
  std::vector<Header> headers_;
  /// The entry that a path has in the end.
  std::map<std::string, std::size_t> last_;
};

/// Calls `take` for each entry. Errors: kContent, and those of `take`.
template <class Take>
Status for_each_entry(const ArchiveLibrary& lib, archive* from, Take take) {
  archive_entry* entry = nullptr;
  for (;;) {
    const int result = lib.read_next_header(from, &entry);
    if (result == ARCHIVE_EOF) {
      return ok();
    }
    // A warning is a name that cannot be shown in this locale; its bytes are kept.
    if (result < ARCHIVE_WARN) {
      return tar_read_error(lib, from);
    }
    MOSB_CHECK(take(entry));
  }
}

class Writer {
 public:
  Writer(const ArchiveLibrary& lib,
         const Plan& plan,
         const LayerTree& tree,
         archive* to,
         ByteCount limit)
      : lib_(lib), plan_(plan), tree_(tree), to_(to), left_(limit.value) {}

  /// Before everything else, since a tar has a file before the links to it.
  Status copy_lower(const LowerTar& lower) {
    for (const Header& header : plan_.headers()) {
      if (header.is_kept && header.lower) {
        // Under the name that it has below, unless that is something else by the layer's end.
        const bool stays = tree_.file(*header.link) == header.lower;
        lower_.emplace(*header.lower, stays ? *header.link : header.path);
      }
    }
    for (auto first = lower_.begin(); first != lower_.end();) {
      const std::size_t layer = first->first.layer;
      MOSB_CHECK(copy_lower_of(layer, MOSB_TRY(lower(layer))));
      first = lower_.lower_bound(FileOrigin{layer + 1, 0});
    }
    return ok();
  }

  Status copy(archive* from) {
    std::size_t number = 0;
    return for_each_entry(lib_, from, [&](archive_entry* entry) -> Status {
      const Header& header = plan_.headers()[number++];
      return header.is_kept ? copy_entry(header, entry, from) : ok();
    });
  }

  /// What the layer takes away, where nothing of its own takes the place.
  Status write_markers() {
    for (const std::string& path : plan_.whiteouts()) {
      if (!tree_.contains(path)) {
        MOSB_CHECK(add_parents(path));
        MOSB_CHECK(add(path, S_IFCHR, DirectoryAttributes{.mode = 0}, false));
      }
    }
    for (const std::string& dir : plan_.opaque()) {
      if (!plan_.is_listed(dir)) {
        MOSB_CHECK(add_parents(dir + "/x"));
      }
    }
    return ok();
  }

  std::size_t entries() const { return written_.size(); }

 private:
  Status copy_lower_of(std::size_t layer, const std::string& path) {
    const TarRead reader = MOSB_TRY(open_tar(lib_, path, TarFilters::kNone));
    std::size_t number = 0;
    return for_each_entry(lib_, reader.get(), [&](archive_entry* entry) -> Status {
      const auto wanted = lower_.find(FileOrigin{layer, number++});
      if (wanted == lower_.end()) {
        return ok();
      }
      MOSB_CHECK(add_parents(wanted->second));
      return write_entry(wanted->second, entry, reader.get());
    });
  }

  Status copy_entry(Header header, archive_entry* entry, archive* from) {
    MOSB_CHECK(add_parents(header.path));
    if (header.lower) {
      header.link = lower_.at(*header.lower);
      if (*header.link == header.path) {
        return ok();
      }
    }
    if (header.link) {
      if (!written_.contains(*header.link) || plan_.is_directory(*header.link)) {
        return Error(Errc::kContent,
                     quote(header.path) + " is a link to " + quote(*header.link) +
                         ", which is no plain file before it");
      }
      lib_.entry_copy_hardlink(entry, header.link->c_str());
      lib_.entry_set_size(entry, 0);
    }
    return write_entry(header.path, entry, from);
  }

  Status write_entry(const std::string& path, archive_entry* entry, archive* from) {
    const auto size = static_cast<std::uint64_t>(std::max<la_int64_t>(lib_.entry_size(entry), 0));
    if (size > left_) {
      return Error(Errc::kContent, "its files are too large together, at " + quote(path));
    }
    left_ -= size;
    lib_.entry_copy_pathname(entry, path.c_str());
    make_plain(lib_, entry);
    drop_overlay_attributes(entry);
    if (plan_.is_directory(path) && plan_.is_opaque(path)) {
      lib_.entry_xattr_add(entry, kOpaqueAttribute, "y", 1);
    }
    if (lib_.write_header(to_, entry) < ARCHIVE_WARN) {
      return tar_write_error(lib_, to_);
    }
    written_.insert(path);
    return copy_tar_data(lib_, from, to_, size, buffer_);
  }

  /// Directories that the tar does not list at all: as they are below.
  Status add_parents(const std::string& path) {
    const std::string dir = parent_path(path);
    if (dir.empty() || written_.contains(dir) || plan_.is_directory(dir)) {
      return ok();
    }
    MOSB_CHECK(add_parents(dir));
    return add(
        dir, S_IFDIR, tree_.directory(dir).value_or(DirectoryAttributes{}), plan_.is_opaque(dir));
  }

  Status add(const std::string& path,
             mode_t type,
             const DirectoryAttributes& attributes,
             bool is_opaque) {
    const TarEntryHandle entry(lib_.entry_new(), TarEntryDeleter{&lib_});
    lib_.entry_set_pathname(entry.get(), path.c_str());
    lib_.entry_set_mode(entry.get(), type | attributes.mode);
    lib_.entry_set_uid(entry.get(), attributes.uid);
    lib_.entry_set_gid(entry.get(), attributes.gid);
    lib_.entry_set_size(entry.get(), 0);
    lib_.entry_set_rdev(entry.get(), 0);
    lib_.entry_set_mtime(entry.get(), 0, 0);
    if (is_opaque) {
      lib_.entry_xattr_add(entry.get(), kOpaqueAttribute, "y", 1);
    }
    if (lib_.write_header(to_, entry.get()) < ARCHIVE_WARN) {
      return tar_write_error(lib_, to_);
    }
    written_.insert(path);
    return ok();
  }

  void drop_overlay_attributes(archive_entry* entry) const {
    std::vector<std::pair<std::string, std::string>> kept;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    const int count = lib_.entry_xattr_reset(entry);
    while (lib_.entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      const bool is_overlay = std::any_of(
          kOverlayAttributes.begin(), kOverlayAttributes.end(), [&](std::string_view prefix) {
            return std::string_view(name).starts_with(prefix);
          });
      if (!is_overlay) {
        kept.emplace_back(name, std::string(static_cast<const char*>(value), size));
      }
    }
    if (static_cast<std::size_t>(count) == kept.size()) {
      return;
    }
    lib_.entry_xattr_clear(entry);
    for (const auto& [kept_name, kept_value] : kept) {
      lib_.entry_xattr_add(entry, kept_name.c_str(), kept_value.data(), kept_value.size());
    }
  }

  const ArchiveLibrary& lib_;
  const Plan& plan_;
  const LayerTree& tree_;
  archive* to_;
  std::uint64_t left_;
  std::set<std::string> written_;
  /// What is copied from lower layers, and the name that it gets.
  std::map<FileOrigin, std::string> lower_;
  std::vector<char> buffer_;
};

}  // namespace

Result<OverlayTar> write_overlay_tar(const std::string& from,
                                     const std::string& to,
                                     LayerTree& tree,
                                     const LowerTar& lower,
                                     ByteCount limit) {
  const ArchiveLibrary& lib = *MOSB_TRY(oci::archive_library());
  Plan plan(lib, tree);
  {
    const TarRead reader = MOSB_TRY(open_tar(lib, from, TarFilters::kNone));
    MOSB_CHECK(for_each_entry(
        lib, reader.get(), [&](archive_entry* entry) { return plan.take_marker(entry); }));
  }
  plan.apply_markers();
  {
    const TarRead reader = MOSB_TRY(open_tar(lib, from, TarFilters::kNone));
    MOSB_CHECK(
        for_each_entry(lib, reader.get(), [&](archive_entry* entry) { return plan.take(entry); }));
  }
  const TarRead reader = MOSB_TRY(open_tar(lib, from, TarFilters::kNone));
  const TarWrite output = MOSB_TRY(create_tar(lib, to));
  Writer writer(lib, plan, tree, output.get(), limit);
  MOSB_CHECK(writer.copy_lower(lower));
  MOSB_CHECK(writer.copy(reader.get()));
  MOSB_CHECK(writer.write_markers());
  if (lib.write_close(output.get()) != ARCHIVE_OK) {
    return tar_write_error(lib, output.get());
  }
  return OverlayTar{.root = plan.root(), .entries = writer.entries()};
}

}  // namespace mosb::agent
