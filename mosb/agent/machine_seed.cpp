#include "mosb/agent/machine_seed.h"

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/archive_library.h"

namespace mosb::agent {

namespace {

using oci::ArchiveLibrary;

struct WriteDeleter {
  const ArchiveLibrary* lib;
  void operator()(archive* a) const { lib->write_free(a); }
};
using Writer = std::unique_ptr<archive, WriteDeleter>;

struct EntryDeleter {
  const ArchiveLibrary* lib;
  void operator()(archive_entry* e) const { lib->entry_free(e); }
};
using Entry = std::unique_ptr<archive_entry, EntryDeleter>;

Error write_error(const ArchiveLibrary& lib, archive* a, const std::string& path) {
  const int err = lib.error_number(a);
  return Error::sys("write " + quote(path), err != 0 ? err : EIO);
}

Result<Writer> open_writer(const ArchiveLibrary& lib, const std::string& path) {
  Writer writer(lib.write_new(), WriteDeleter{&lib});
  if (!writer || lib.write_set_format_iso9660(writer.get()) != ARCHIVE_OK ||
      lib.write_set_format_option(writer.get(), "iso9660", "volume-id", "cidata") != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot write ISO 9660 images");
  }
  if (lib.write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK) {
    return write_error(lib, writer.get(), path);
  }
  return writer;
}

Status add_file(const ArchiveLibrary& lib,
                archive* out,
                const std::string& name,
                const std::string& text) {
  const Entry entry(lib.entry_new(), EntryDeleter{&lib});
  if (!entry) {
    return Error::sys("make an image", ENOMEM);
  }
  lib.entry_set_pathname(entry.get(), name.c_str());
  lib.entry_set_mode(entry.get(), S_IFREG | 0400U);
  lib.entry_set_size(entry.get(), static_cast<la_int64_t>(text.size()));
  lib.entry_set_mtime(entry.get(), 0, 0);
  if (lib.write_header(out, entry.get()) != ARCHIVE_OK ||
      lib.write_data(out, text.data(), text.size()) != static_cast<la_ssize_t>(text.size())) {
    return write_error(lib, out, name);
  }
  return ok();
}

}  // namespace

Status write_seed(const kvm::CloudInit& seed) {
  const ArchiveLibrary& lib = *MOSB_TRY(oci::archive_library());
  const std::string unfinished = seed.image + ".mosb-new";
  MOSB_CHECK(sys::unlink(unfinished));
  ScopeExit remove([&] { (void)sys::unlink(unfinished); });
  Writer writer = MOSB_TRY(open_writer(lib, unfinished));
  std::vector<std::pair<std::string, std::string>> files{{"user-data", seed.user_data},
                                                         {"meta-data", seed.meta_data}};
  if (!seed.network_config.empty()) {
    files.emplace_back("network-config", seed.network_config);
  }
  for (const auto& [name, text] : files) {
    MOSB_CHECK(add_file(lib, writer.get(), name, text));
  }
  if (lib.write_close(writer.get()) != ARCHIVE_OK) {
    return write_error(lib, writer.get(), seed.image);
  }
  // It may hold passwords.
  if (::chmod(unfinished.c_str(), 0600) < 0) {
    return Error::sys("chmod " + quote(unfinished), errno);
  }
  MOSB_CHECK(sys::rename(unfinished, seed.image));
  remove.dismiss();
  return ok();
}

}  // namespace mosb::agent
