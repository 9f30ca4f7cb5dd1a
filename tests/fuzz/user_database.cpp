#include <algorithm>
#include <cstdio>
#include <string>

#include "fuzz.h"
#include "lxc/user.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

namespace {

constexpr std::uint32_t kIds = 65536;

void write(const std::string& path, std::string_view text) {
  std::FILE* const file = std::fopen(path.c_str(), "wbe");
  fuzz::require(file != nullptr);
  (void)std::fwrite(text.data(), 1, text.size(), file);
  (void)std::fclose(file);
}

}  // namespace

/// A user, then /etc/passwd, then /etc/group, with NUL between them.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto root = [] {
    auto dir = TempDir::make("/dev/shm", "mosb-fuzz-");
    fuzz::require(dir.has_value() && sys::mkdir(dir->path() + "/etc", 0755).has_value());
    return *std::move(dir);
  }();
  std::string_view text = fuzz::text(data, size);
  const auto take = [&] {
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
  };
  const std::string user(take());
  write(root.path() + "/etc/passwd", take());
  write(root.path() + "/etc/group", text);
  const auto ids = lxc::resolve_user(root.path(), user, kIds);
  if (ids) {
    fuzz::require(ids->uid < kIds && ids->gid < kIds);
    for (const std::uint32_t group : ids->groups) {
      fuzz::require(group < kIds);
    }
  }
  return 0;
}
