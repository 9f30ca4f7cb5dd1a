#include "mosb/base/temp_dir.h"

#include <cerrno>
#include <cstdlib>

#include "mosb/base/file.h"
#include "mosb/base/text.h"

namespace mosb {

Status TempDirTraits::close(const std::string& path) {
  return remove_tree(path);
}

Result<TempDir> TempDir::make(const std::string& parent, const std::string& prefix) {
  std::string path = parent + "/" + prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return Error::sys("make a directory in " + quote(parent), errno);
  }
  return TempDir(std::move(path));
}

}  // namespace mosb
