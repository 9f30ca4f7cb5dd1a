#include "mosb/agent/instance.h"

#include <cerrno>
#include <span>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/hex.h"
#include "mosb/base/random.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/user_namespace.h"
#include "mosb/oci/blob_writer.h"
#include "verity/mount_namespace.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxIdFile{64};
constexpr std::size_t kIdDigits = 8;

std::string id_file(const Paths& paths) {
  return paths.state() + "/instance";
}

/// A private directory: whatever mode it had, only root enters it from now on.
Status private_dir(const std::string& path) {
  MOSB_CHECK(sys::mkdir_all(path, 0755));
  const struct stat st = MOSB_TRY(sys::lstat(path));
  if ((st.st_mode & 07777U) != 0700 && ::chmod(path.c_str(), 0700) < 0) {
    return Error::sys("chmod " + quote(path), errno);
  }
  return ok();
}

Status make_directories(const Paths& paths) {
  const auto make = [&]() -> Status {
    MOSB_CHECK(private_dir(paths.run()));
    MOSB_CHECK(private_dir(paths.state()));
    MOSB_CHECK(sys::mkdir_all(paths.volumes(), 0755));
    MOSB_CHECK(sys::mkdir_all(paths.log(), 0755));
    MOSB_CHECK(sys::mkdir_all(paths.services(), 0700));
    return sys::mkdir_all(paths.file_systems(), 0700);
  };
  Status made = make();
  const int err = made ? 0 : made.error().sys_errno();
  // Root of a user namespace is nobody in the host's own directories.
  return err == EACCES || err == EPERM || err == EROFS
             ? Status(std::move(made)
                          .error()
                          .as(Errc::kHost)
                          .with_hint("choose a place that you can write to with --root"))
             : made;
}

/// Refuses what would only fail later and with a worse message.
Status check_file_system(const std::string& dir) {
  struct statfs fs {};
  struct statvfs flags {};
  if (::statfs(dir.c_str(), &fs) < 0 || ::statvfs(dir.c_str(), &flags) < 0) {
    return Error::sys("look at the file system of " + quote(dir), errno);
  }
  const auto type = static_cast<unsigned long>(fs.f_type);
  const char* refused = nullptr;
  if (type == OVERLAYFS_SUPER_MAGIC) {
    refused = "overlayfs";
  } else if (type == NFS_SUPER_MAGIC) {
    refused = "NFS";
  } else if ((flags.f_flag & ST_RDONLY) != 0) {
    refused = "a read-only file system";
  } else if ((flags.f_flag & ST_NOEXEC) != 0) {
    refused = "a file system mounted noexec";
  }
  if (refused != nullptr) {
    return Error(Errc::kHost, quote(dir) + " lies on " + refused + ", which cannot carry services")
        .with_hint("choose another place with --root");
  }
  return ok();
}

Result<std::string> make_id(const Paths& paths) {
  std::string id = random_hex(kIdDigits / 2);
  MOSB_CHECK(write_file_atomic(id_file(paths), id + "\n", 0600).context("make the instance id"));
  return id;
}

/// What a mosb that was killed left half-written. Under the lock nobody else writes here; what
/// services' helpers write is for lxc::collect_garbage().
Status sweep(const Paths& paths) {
  MOSB_CHECK(remove_stale_temps(paths.state()));
  MOSB_CHECK(sys::mkdir_all(paths.state() + "/services", 0700));
  for (const std::string& name : MOSB_TRY(list_dir(paths.services()))) {
    MOSB_CHECK(remove_stale_temps(paths.services() + "/" + name));
  }
  MOSB_CHECK(verity::settle_namespaces(paths.run()));
  return oci::remove_abandoned(paths.run());
}

}  // namespace

Result<std::string> read_instance_id(const Paths& paths) {
  auto text = read_file(id_file(paths), kMaxIdFile);
  if (!text) {
    if (text.error().sys_errno() == ENOENT) {
      return std::string();
    }
    return std::move(text).error().as(Errc::kState);
  }
  if (!text->empty() && text->back() == '\n') {
    text->pop_back();
  }
  if (text->size() != kIdDigits || !from_hex(*text)) {
    return Error(Errc::kState, quote(id_file(paths)) + " does not hold an instance id")
        .with_hint("remove the file once no service of this root runs any more");
  }
  return text;
}

Status require_host_root() {
  if (MOSB_TRY(is_in_host_user_namespace())) {
    return ok();
  }
  return Error(Errc::kHost, "in a user namespace no services can run")
      .with_hint("run mosb as the host's root; `mosb mount` works here, too");
}

Result<Instance> Instance::open(const Paths& paths) {
  if (::geteuid() != 0) {
    return Error(Errc::kHost, "only root can change what runs")
        .with_hint(
            "run mosb as root; images can be mounted in a user namespace of your own, too: "
            "unshare -rm mosb --root DIR mount …");
  }
  MOSB_CHECK(make_directories(paths));
  MOSB_CHECK(check_file_system(paths.state()));
  FileLock lock = MOSB_TRY(FileLock::acquire(paths.lock())
                               .with_hint("wait until it is done; `mosb ps` shows what runs"));
  MOSB_CHECK(sweep(paths));
  std::string id = MOSB_TRY(read_instance_id(paths));
  if (id.empty()) {
    id = MOSB_TRY(make_id(paths));
  }
  return Instance(paths, std::move(id), std::move(lock));
}

}  // namespace mosb::agent
