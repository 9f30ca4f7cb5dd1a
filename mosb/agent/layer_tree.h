#pragma once

#include <compare>
#include <cstddef>
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

/// Where a plain file comes from: a layer's tar and the entry in it, both counted from 0 on.
struct FileOrigin {
  std::size_t layer = 0;
  std::size_t entry = 0;
  auto operator<=>(const FileOrigin&) const = default;
};

/// The files that the layers so far give together, as far as it matters for the next one: what is a
/// directory, with whose attributes, where a symlink leads, and where a plain file comes from.
/// Paths are relative to the root and clean (clean_tar_path()); "" is the root.
class LayerTree {
 public:
  /// The path with symlinks in its parents followed as inside the root, the last part as it is.
  /// Errors: kContent if a parent is a file, symlinks go in circles, or it is longer than Linux
  /// takes.
  Result<std::string> resolve(const std::string& path) const;
  bool contains(const std::string& path) const { return path.empty() || nodes_.contains(path); }
  /// What is in the root itself.
  std::vector<std::string> in_root() const;
  /// nullopt if there is no such directory.
  std::optional<DirectoryAttributes> directory(const std::string& path) const;
  /// nullopt if there is no such plain file.
  std::optional<FileOrigin> file(const std::string& path) const;

  /// The number of the layer that is put in next.
  std::size_t begin_layer() { return layers_++; }

  /// Before a path is put: what all names take together is bounded. Errors: kContent.
  Status count_name(const std::string& path);

  // What is there gives way; a directory in the place of a directory keeps what is in it.
  void put_directory(const std::string& path, const DirectoryAttributes& attributes);
  void put_symlink(const std::string& path, const std::string& target);
  /// Without an origin one that is no plain file.
  void put_file(const std::string& path, const std::optional<FileOrigin>& origin);
  /// With everything beneath.
  void remove(const std::string& path);
  /// Everything beneath.
  void clear(const std::string& path);

 private:
  struct Node {
    std::optional<DirectoryAttributes> directory = std::nullopt;
    std::optional<std::string> symlink = std::nullopt;
    std::optional<FileOrigin> file = std::nullopt;
  };

  std::map<std::string, Node> nodes_;
  std::size_t layers_ = 0;
  std::size_t names_ = 0;
};

/// The directory that a path is in; "" for one in the root.
std::string parent_path(const std::string& path);

}  // namespace mosb::agent
