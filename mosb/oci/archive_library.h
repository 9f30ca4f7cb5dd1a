#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "mosb/base/result.h"

namespace mosb::oci {

/// The functions of libarchive that mosb calls.
struct ArchiveLibrary {
  decltype(&::archive_entry_acl_clear) entry_acl_clear;
  decltype(&::archive_entry_copy_gname) entry_copy_gname;
  decltype(&::archive_entry_copy_hardlink) entry_copy_hardlink;
  decltype(&::archive_entry_copy_pathname) entry_copy_pathname;
  decltype(&::archive_entry_copy_uname) entry_copy_uname;
  decltype(&::archive_entry_filetype) entry_filetype;
  decltype(&::archive_entry_free) entry_free;
  decltype(&::archive_entry_gid) entry_gid;
  decltype(&::archive_entry_hardlink) entry_hardlink;
  decltype(&::archive_entry_new) entry_new;
  decltype(&::archive_entry_pathname) entry_pathname;
  decltype(&::archive_entry_perm) entry_perm;
  decltype(&::archive_entry_set_mode) entry_set_mode;
  decltype(&::archive_entry_set_mtime) entry_set_mtime;
  decltype(&::archive_entry_set_pathname) entry_set_pathname;
  decltype(&::archive_entry_set_size) entry_set_size;
  decltype(&::archive_entry_size) entry_size;
  decltype(&::archive_entry_sparse_clear) entry_sparse_clear;
  decltype(&::archive_entry_sparse_count) entry_sparse_count;
  decltype(&::archive_entry_uid) entry_uid;
  decltype(&::archive_entry_unset_atime) entry_unset_atime;
  decltype(&::archive_entry_unset_birthtime) entry_unset_birthtime;
  decltype(&::archive_entry_unset_ctime) entry_unset_ctime;
  decltype(&::archive_errno) error_number;
  decltype(&::archive_error_string) error_string;
  decltype(&::archive_read_data) read_data;
  decltype(&::archive_read_free) read_free;
  decltype(&::archive_read_new) read_new;
  decltype(&::archive_read_next_header) read_next_header;
  decltype(&::archive_read_open_fd) read_open_fd;
  decltype(&::archive_read_open_filename) read_open_filename;
  decltype(&::archive_read_support_filter_all) read_support_filter_all;
  decltype(&::archive_read_support_format_tar) read_support_format_tar;
  decltype(&::archive_write_close) write_close;
  decltype(&::archive_write_data) write_data;
  decltype(&::archive_write_free) write_free;
  decltype(&::archive_write_header) write_header;
  decltype(&::archive_write_new) write_new;
  decltype(&::archive_write_open_fd) write_open_fd;
  decltype(&::archive_write_open_filename) write_open_filename;
  decltype(&::archive_write_set_format_option) write_set_format_option;
  decltype(&::archive_write_set_format_pax) write_set_format_pax;
  decltype(&::archive_write_set_format_pax_restricted) write_set_format_pax_restricted;
};

/// The library, loaded once and never unloaded.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const ArchiveLibrary*> archive_library();

}  // namespace mosb::oci
