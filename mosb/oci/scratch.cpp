#include "mosb/oci/scratch.h"

#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"

namespace mosb::oci {

Result<Scratch> Scratch::make(const std::string& parent) {
  constexpr int kTries = 10;
  MOSB_CHECK(remove_abandoned(parent));
  for (int i = 0; i < kTries; ++i) {
    TempDir dir = MOSB_TRY(TempDir::make(parent, kTempPrefix));
    auto lock = FileLock::acquire(lock_path_in(dir.path()));
    if (lock) {
      return Scratch(std::move(dir), *std::move(lock));
    }
  }
  return Error(Errc::kBusy, "make a temporary directory in " + quote(parent) + ": it vanishes");
}

Result<std::string> private_temp_dir() {
  constexpr mode_t kPrivate = 0700;
  constexpr mode_t kOthers = 0077;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program sets the environment
  const char* const given = std::getenv("TMPDIR");
  const std::string parent = given != nullptr && *given == '/' ? given : "/tmp";
  std::string dir = parent + "/mosb-" + std::to_string(::geteuid());
  const char* const hint = "name another place for temporary files with TMPDIR";
  if (Status made = sys::mkdir(dir, kPrivate); !made) {
    // Whether what was asked for exists is another question.
    return made.error().code() == Errc::kNotFound
               ? std::move(made).error().as(Errc::kHost).with_hint(hint)
               : made.error();
  }
  const struct stat st = MOSB_TRY(sys::lstat(dir));
  if (!S_ISDIR(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & kOthers) != 0) {
    return Error(Errc::kHost, quote(dir) + " is no directory of this user alone").with_hint(hint);
  }
  return dir;
}

}  // namespace mosb::oci
