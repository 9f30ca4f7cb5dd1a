#include "mosb/oci/archive_library.h"

#include "mosb/base/shared_library.h"

namespace mosb::oci {

namespace {

Result<ArchiveLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libarchive.so.13", "libarchive13"));
  ArchiveLibrary archive{};
  MOSB_CHECK(library.find("archive_entry_acl_clear", &archive.entry_acl_clear));
  MOSB_CHECK(library.find("archive_entry_copy_gname", &archive.entry_copy_gname));
  MOSB_CHECK(library.find("archive_entry_copy_hardlink", &archive.entry_copy_hardlink));
  MOSB_CHECK(library.find("archive_entry_copy_pathname", &archive.entry_copy_pathname));
  MOSB_CHECK(library.find("archive_entry_copy_uname", &archive.entry_copy_uname));
  MOSB_CHECK(library.find("archive_entry_filetype", &archive.entry_filetype));
  MOSB_CHECK(library.find("archive_entry_free", &archive.entry_free));
  MOSB_CHECK(library.find("archive_entry_gid", &archive.entry_gid));
  MOSB_CHECK(library.find("archive_entry_hardlink", &archive.entry_hardlink));
  MOSB_CHECK(library.find("archive_entry_new", &archive.entry_new));
  MOSB_CHECK(library.find("archive_entry_pathname", &archive.entry_pathname));
  MOSB_CHECK(library.find("archive_entry_perm", &archive.entry_perm));
  MOSB_CHECK(library.find("archive_entry_set_mode", &archive.entry_set_mode));
  MOSB_CHECK(library.find("archive_entry_set_mtime", &archive.entry_set_mtime));
  MOSB_CHECK(library.find("archive_entry_set_pathname", &archive.entry_set_pathname));
  MOSB_CHECK(library.find("archive_entry_set_size", &archive.entry_set_size));
  MOSB_CHECK(library.find("archive_entry_size", &archive.entry_size));
  MOSB_CHECK(library.find("archive_entry_sparse_clear", &archive.entry_sparse_clear));
  MOSB_CHECK(library.find("archive_entry_sparse_count", &archive.entry_sparse_count));
  MOSB_CHECK(library.find("archive_entry_uid", &archive.entry_uid));
  MOSB_CHECK(library.find("archive_entry_unset_atime", &archive.entry_unset_atime));
  MOSB_CHECK(library.find("archive_entry_unset_birthtime", &archive.entry_unset_birthtime));
  MOSB_CHECK(library.find("archive_entry_unset_ctime", &archive.entry_unset_ctime));
  MOSB_CHECK(library.find("archive_errno", &archive.error_number));
  MOSB_CHECK(library.find("archive_error_string", &archive.error_string));
  MOSB_CHECK(library.find("archive_read_data", &archive.read_data));
  MOSB_CHECK(library.find("archive_read_free", &archive.read_free));
  MOSB_CHECK(library.find("archive_read_new", &archive.read_new));
  MOSB_CHECK(library.find("archive_read_next_header", &archive.read_next_header));
  MOSB_CHECK(library.find("archive_read_open_fd", &archive.read_open_fd));
  MOSB_CHECK(library.find("archive_read_open_filename", &archive.read_open_filename));
  MOSB_CHECK(library.find("archive_read_support_filter_all", &archive.read_support_filter_all));
  MOSB_CHECK(library.find("archive_read_support_format_tar", &archive.read_support_format_tar));
  MOSB_CHECK(library.find("archive_write_close", &archive.write_close));
  MOSB_CHECK(library.find("archive_write_data", &archive.write_data));
  MOSB_CHECK(library.find("archive_write_free", &archive.write_free));
  MOSB_CHECK(library.find("archive_write_header", &archive.write_header));
  MOSB_CHECK(library.find("archive_write_new", &archive.write_new));
  MOSB_CHECK(library.find("archive_write_open_fd", &archive.write_open_fd));
  MOSB_CHECK(library.find("archive_write_open_filename", &archive.write_open_filename));
  MOSB_CHECK(library.find("archive_write_set_format_option", &archive.write_set_format_option));
  MOSB_CHECK(library.find("archive_write_set_format_pax", &archive.write_set_format_pax));
  MOSB_CHECK(library.find("archive_write_set_format_pax_restricted",
                          &archive.write_set_format_pax_restricted));
  return archive;
}

}  // namespace

Result<const ArchiveLibrary*> archive_library() {
  static const Result<ArchiveLibrary> loaded = load();
  if (!loaded) {
    return loaded.error();
  }
  return &*loaded;
}

}  // namespace mosb::oci
