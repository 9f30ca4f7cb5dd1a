#include "mosb/base/dir_list.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb {

Result<std::vector<std::string>> list_dir(const std::string& dir) {
  UniqueFd fd = MOSB_TRY(sys::open(dir, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
  if (!stream) {
    return Error::sys("list " + quote(dir), errno);
  }
  (void)fd.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry =
             ::readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") {
      names.push_back(std::move(name));
    }
    errno = 0;
  }
  if (errno != 0) {
    return Error::sys("list " + quote(dir), errno);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace mosb
