#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::agent {

struct DirectoryAttributes {
  std::uint32_t mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// The files that the layers so far give together, as far as it matters for the next one: what is a
/// directory, with whose attributes, and where a symlink leads. Paths are relative to the root and
/// clean (clean_tar_path()); "" is the root.
class LayerTree {
 public:
  /// The path with symlinks in its parents followed as inside the root, the last part as it is.
  /// Errors: kContent if a parent is a file, or symlinks go in circles.
  Result<std::string> resolve(const std::string& path) const;
  bool contains(const std::string& path) const { return path.empty() || nodes_.contains(path); }
  /// What is in the root itself.
  std::vector<std::string> in_root() const;
  /// nullopt if there is no such directory.
  std::optional<DirectoryAttributes> directory(const std::string& path) const;

  // What is there gives way; a directory in the place of a directory keeps what is in it.
  void put_directory(const std::string& path, const DirectoryAttributes& attributes);
  void put_symlink(const std::string& path, const std::string& target);
  void put_file(const std::string& path);
  /// With everything beneath.
  void remove(const std::string& path);
  /// Everything beneath.
  void clear(const std::string& path);

 private:
  struct Node {
    std::optional<DirectoryAttributes> directory = std::nullopt;
    std::optional<std::string> symlink = std::nullopt;
  };

  std::map<std::string, Node> nodes_;
};

/// The directory that a path is in; "" for one in the root.
std::string parent_path(const std::string& path);

}  // namespace mosb::agent
