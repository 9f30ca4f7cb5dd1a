#include "mosb/agent/rootfs_tar.h"

#include <set>
#include <vector>

#include "mosb/agent/tar_handles.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

using oci::ArchiveLibrary;

class Copy {
 public:
  Copy(const ArchiveLibrary& lib, archive* from, archive* to) : lib_(lib), from_(from), to_(to) {}

  Result<RootDirectory> run() {
    archive_entry* entry = nullptr;
    for (;;) {
      const int result = lib_.read_next_header(from_, &entry);
      if (result == ARCHIVE_EOF) {
        break;
      }
      // A warning is a name that cannot be shown in this locale; its bytes are kept.
      if (result < ARCHIVE_WARN) {
        return tar_read_error(lib_, from_);
      }
      MOSB_CHECK(copy_entry(entry));
    }
    if (paths_.empty()) {
      return Error(Errc::kContent, "the tar has no files");
    }
    return root_;
  }

 private:
  Status copy_entry(archive_entry* entry) {
    const std::string path = MOSB_TRY(tar_entry_path(lib_, entry));
    if (path.empty()) {
      root_ = RootDirectory{lib_.entry_perm(entry),
                            static_cast<std::uint32_t>(lib_.entry_uid(entry)),
                            static_cast<std::uint32_t>(lib_.entry_gid(entry))};
      return ok();
    }
    if (!paths_.insert(path).second) {
      return Error(Errc::kContent, "path " + quote(path) + " stands twice in the tar");
    }
    MOSB_CHECK(set_links(entry));
    lib_.entry_copy_pathname(entry, path.c_str());
    make_plain(lib_, entry);
    if (lib_.write_header(to_, entry) < ARCHIVE_WARN) {
      return tar_write_error(lib_, to_);
    }
    return copy_tar_data(
        lib_, from_, to_, static_cast<std::uint64_t>(lib_.entry_size(entry)), buffer_);
  }

  Status set_links(archive_entry* entry) {
    const char* const target = lib_.entry_hardlink(entry);
    if (target == nullptr) {
      return ok();
    }
    const std::string clean = MOSB_TRY(clean_tar_path(target));
    if (paths_.count(clean) == 0) {
      return Error(Errc::kContent,
                   "the tar links to " + quote(clean) + ", which does not come before the link");
    }
    lib_.entry_copy_hardlink(entry, clean.c_str());
    lib_.entry_set_size(entry, 0);
    return ok();
  }

  const ArchiveLibrary& lib_;
  archive* from_;
  archive* to_;
  RootDirectory root_;
  std::set<std::string> paths_;
  std::vector<char> buffer_;
};

}  // namespace

Result<RootDirectory> normalise_rootfs_tar(const std::string& from, const std::string& to) {
  const ArchiveLibrary& lib = *MOSB_TRY(oci::archive_library());
  const TarRead reader = MOSB_TRY(open_tar(lib, from, TarFilters::kAll));
  const TarWrite writer = MOSB_TRY(create_tar(lib, to));
  const RootDirectory root =
      MOSB_TRY(Copy(lib, reader.get(), writer.get()).run().context("read " + quote(from)));
  if (lib.write_close(writer.get()) != ARCHIVE_OK) {
    return tar_write_error(lib, writer.get());
  }
  return root;
}

}  // namespace mosb::agent
