#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "mosb/base/shared_library.h"

/// The functions of libarchive that mosb calls, and their names here.
// clang-format off
#define MOSB_ARCHIVE_FUNCTIONS(use) \
  use(archive_entry_acl_clear, entry_acl_clear) \
  use(archive_entry_copy_gname, entry_copy_gname) \
  use(archive_entry_copy_hardlink, entry_copy_hardlink) \
  use(archive_entry_copy_pathname, entry_copy_pathname) \
  use(archive_entry_copy_uname, entry_copy_uname) \
  use(archive_entry_filetype, entry_filetype) \
  use(archive_entry_free, entry_free) \
  use(archive_entry_gid, entry_gid) \
  use(archive_entry_hardlink, entry_hardlink) \
  use(archive_entry_new, entry_new) \
  use(archive_entry_pathname, entry_pathname) \
  use(archive_entry_perm, entry_perm) \
  use(archive_entry_rdevmajor, entry_rdevmajor) \
  use(archive_entry_rdevminor, entry_rdevminor) \
  use(archive_entry_set_gid, entry_set_gid) \
  use(archive_entry_set_mode, entry_set_mode) \
  use(archive_entry_set_mtime, entry_set_mtime) \
  use(archive_entry_set_pathname, entry_set_pathname) \
  use(archive_entry_set_rdev, entry_set_rdev) \
  use(archive_entry_set_size, entry_set_size) \
  use(archive_entry_set_uid, entry_set_uid) \
  use(archive_entry_size, entry_size) \
  use(archive_entry_sparse_clear, entry_sparse_clear) \
  use(archive_entry_sparse_count, entry_sparse_count) \
  use(archive_entry_symlink, entry_symlink) \
  use(archive_entry_uid, entry_uid) \
  use(archive_entry_unset_atime, entry_unset_atime) \
  use(archive_entry_unset_birthtime, entry_unset_birthtime) \
  use(archive_entry_unset_ctime, entry_unset_ctime) \
  use(archive_entry_xattr_add_entry, entry_xattr_add) \
  use(archive_entry_xattr_clear, entry_xattr_clear) \
  use(archive_entry_xattr_next, entry_xattr_next) \
  use(archive_entry_xattr_reset, entry_xattr_reset) \
  use(archive_errno, error_number) \
  use(archive_error_string, error_string) \
  use(archive_read_data, read_data) \
  use(archive_read_free, read_free) \
  use(archive_read_new, read_new) \
  use(archive_read_next_header, read_next_header) \
  use(archive_read_open_fd, read_open_fd) \
  use(archive_read_open_filename, read_open_filename) \
  use(archive_read_support_filter_all, read_support_filter_all) \
  use(archive_read_support_filter_gzip, read_support_filter_gzip) \
  use(archive_read_support_filter_zstd, read_support_filter_zstd) \
  use(archive_read_support_format_raw, read_support_format_raw) \
  use(archive_read_support_format_tar, read_support_format_tar) \
  use(archive_write_close, write_close) \
  use(archive_write_data, write_data) \
  use(archive_write_free, write_free) \
  use(archive_write_header, write_header) \
  use(archive_write_new, write_new) \
  use(archive_write_open_fd, write_open_fd) \
  use(archive_write_open_filename, write_open_filename) \
  use(archive_write_set_format_iso9660, write_set_format_iso9660) \
  use(archive_write_set_format_option, write_set_format_option) \
  use(archive_write_set_format_pax, write_set_format_pax) \
  use(archive_write_set_format_pax_restricted, write_set_format_pax_restricted)
// clang-format on

namespace mosb::oci {

struct ArchiveLibrary {
  MOSB_ARCHIVE_FUNCTIONS(MOSB_LIBRARY_MEMBER)
};

/// The library, loaded once and never unloaded.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const ArchiveLibrary*> archive_library();

}  // namespace mosb::oci
