#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::verity {

/// One line of /proc/self/mountinfo. Spec: proc(5).
struct MountEntry {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  /// Of the file system, "7:3".
  std::string device;
  std::string mount_point;
  /// Of this mount, e.g. "ro", "nosuid".
  std::vector<std::string> options;
  std::string type;
  std::string source;
  /// Of the file system below.
  std::vector<std::string> super_options;

  bool has_option(std::string_view name) const;
  bool has_super_option(std::string_view name) const;
};

/// The mounts of a mount namespace.
class MountTable {
 public:
  /// Of this process. Errors: kHost if the kernel's text cannot be understood.
  static Result<MountTable> read();
  static Result<MountTable> parse(std::string_view text);

  const std::vector<MountEntry>& entries() const { return entries_; }
  /// The topmost mount at exactly this path; nullptr if nothing is mounted there, or mounts are
  /// each other's parents, which no kernel says. It lives as long as the table.
  const MountEntry* top_at(std::string_view mount_point) const;

 private:
  explicit MountTable(std::vector<MountEntry> entries) : entries_(std::move(entries)) {}
  std::vector<MountEntry> entries_;
};

}  // namespace mosb::verity
