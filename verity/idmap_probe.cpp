#include "verity/idmap_probe.h"

#include <cerrno>
#include <span>
#include <string_view>

#include <linux/mount.h>
#include <unistd.h>

#include "mosb/base/hex.h"
#include "mosb/base/sys.h"
#include "verity/idmap.h"

namespace mosb::verity {

namespace {

/// mksquashfs 4.5.1 -comp gzip -noI -noD -noF -noX -no-xattrs -no-exports -all-root -no-fragments
/// -nopad of an empty directory of mode 0755: superblock, inode, id and their tables.
constexpr std::string_view kEmptyImage =
    "68737173010000000000000000000200"
    "00000000010011005b03010004000000"
    "00000000000000009000000000000000"
    "8800000000000000ffffffffffffffff"
    "60000000000000008200000000000000"
    "8200000000000000ffffffffffffffff"
    "20800100ed0100000000000000000100"
    "00000000000002000000030000000200"
    "00000480000000008200000000000000";
constexpr off_t kImageSize = 4096;
constexpr IdRange kAnyRange{1U << 29U, 65536};

Result<UniqueFd> make_empty_image() {
  UniqueFd file = MOSB_TRY(sys::memfd("mosb-empty-image"));
  const std::vector<std::byte> bytes = MOSB_TRY(from_hex(kEmptyImage));
  MOSB_CHECK(sys::write_all(file.get(), bytes));
  if (::ftruncate(file.get(), kImageSize) < 0) {
    return Error::sys("enlarge a file in memory", errno);
  }
  return file;
}

}  // namespace

Result<std::string> find_idmap_obstacle(MountApi& api) {
  const UniqueFd file = MOSB_TRY(make_empty_image());
  const LoopDevice loop =
      MOSB_TRY(api.attach_loop(LoopSetup{file.get(), ByteCount{kImageSize}, "mosb:empty"}));
  const UniqueFd mount = MOSB_TRY(
      api.create(FilesystemConfig{"squashfs", loop.path(), {{"ro", ""}}, MOUNT_ATTR_RDONLY}));
  const UniqueFd user_namespace = MOSB_TRY(make_user_namespace(kAnyRange));
  const Status mapped = api.set_attributes(mount.get(), MountAttributes{0, user_namespace.get()});
  if (mapped) {
    return std::string();
  }
  if (mapped.error().sys_errno() == EINVAL || mapped.error().sys_errno() == ENOSYS) {
    return std::string("this kernel cannot id-map squashfs (needs Linux 6.2)");
  }
  return mapped.error();
}

}  // namespace mosb::verity
