#include "mosb/agent/layer_tree.h"

#include <climits>
#include <deque>
#include <utility>

#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

/// As many as the kernel follows in one path.
constexpr int kMaxSymlinks = 40;
/// A path has half as many parts at most; what symlinks lead to comes on top.
constexpr std::size_t kMaxParts = PATH_MAX;
constexpr std::size_t kMaxPath = PATH_MAX - 1;
/// Three million names of 80 bytes, ten times what large images have.
constexpr std::size_t kMaxNames = std::size_t{256} << 20U;

std::string below(const std::string& dir, const std::string& name) {
  return dir.empty() ? name : dir + "/" + name;
}

}  // namespace

std::string parent_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

Result<std::string> LayerTree::resolve(const std::string& path) const {
  std::deque<std::string> left;
  for (std::string& part : split(path, '/')) {
    left.push_back(std::move(part));
  }
  std::string dir;
  int followed = 0;
  std::size_t parts_taken = 0;
  while (left.size() > 1) {
    if (++parts_taken > kMaxParts) {
      return Error(Errc::kContent, "too many symlinks on the way to " + quote(path));
    }
    const std::string part = std::move(left.front());
    left.pop_front();
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {  // of a symlink's target; the root's parent is the root
      dir = parent_path(dir);
      continue;
    }
    const std::string next = below(dir, part);
    const auto node = nodes_.find(next);
    if (node == nodes_.end() || node->second.directory) {
      dir = next;
      continue;
    }
    if (!node->second.symlink) {
      return Error(Errc::kContent, quote(path) + " is inside " + quote(next) + ", which is a file");
    }
    if (++followed > kMaxSymlinks) {
      return Error(Errc::kContent, "too many symlinks on the way to " + quote(path));
    }
    const std::string& target = *node->second.symlink;
    if (target.starts_with('/')) {
      dir.clear();
    }
    const std::vector<std::string> parts = split(target, '/');
    left.insert(left.begin(), parts.begin(), parts.end());
  }
  std::string found = below(dir, left.front());
  if (found.size() > kMaxPath) {
    return Error(Errc::kContent,
                 quote(path) + " is longer than " + std::to_string(kMaxPath) +
                     " bytes when its symlinks are followed");
  }
  return found;
}

Status LayerTree::count_name(const std::string& path) {
  names_ += path.size();
  return names_ <= kMaxNames
             ? ok()
             : Status(Error(Errc::kContent,
                            "the names of its files take more than " +
                                std::to_string(kMaxNames >> 20U) + " MiB together"));
}

std::vector<std::string> LayerTree::in_root() const {
  std::vector<std::string> names;
  for (const auto& [path, node] : nodes_) {
    if (path.find('/') == std::string::npos) {
      names.push_back(path);
    }
  }
  return names;
}

std::optional<DirectoryAttributes> LayerTree::directory(const std::string& path) const {
  const auto node = nodes_.find(path);
  return node == nodes_.end() ? std::nullopt : node->second.directory;
}

std::optional<FileOrigin> LayerTree::file(const std::string& path) const {
  const auto node = nodes_.find(path);
  return node == nodes_.end() ? std::nullopt : node->second.file;
}

void LayerTree::put_directory(const std::string& path, const DirectoryAttributes& attributes) {
  nodes_[path] = Node{.directory = attributes};
}

void LayerTree::put_symlink(const std::string& path, const std::string& target) {
  clear(path);
  nodes_[path] = Node{.symlink = target};
}

void LayerTree::put_file(const std::string& path, const std::optional<FileOrigin>& origin) {
  clear(path);
  nodes_[path] = Node{.file = origin};
}

void LayerTree::remove(const std::string& path) {
  clear(path);
  nodes_.erase(path);
}

void LayerTree::clear(const std::string& path) {
  if (path.empty()) {
    nodes_.clear();
    return;
  }
  // '0' is what follows '/'.
  nodes_.erase(nodes_.lower_bound(path + "/"), nodes_.lower_bound(path + "0"));
}

}  // namespace mosb::agent
