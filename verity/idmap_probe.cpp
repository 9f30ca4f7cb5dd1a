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

/// An image of one empty directory of mode 0755 that belongs to root; the rest of its block is
/// zeros.
struct EmptyImage {
  std::string_view hex;
  /// Of the bytes in the image.
  off_t offset;
  /// The first Linux that id-maps the file system.
  const char* kernel;
};

/// mksquashfs 4.5.1 -comp gzip -noI -noD -noF -noX -no-xattrs -no-exports -all-root -no-fragments
/// -nopad: superblock, inode, id and their tables.
constexpr EmptyImage kSquashfs{
    "68737173010000000000000000000200"
    "00000000010011005b03010004000000"
    "00000000000000009000000000000000"
    "8800000000000000ffffffffffffffff"
    "60000000000000008200000000000000"
    "8200000000000000ffffffffffffffff"
    "20800100ed0100000000000000000100"
    "00000000000002000000030000000200"
    "00000480000000008200000000000000",
    0,
    "6.2"};
/// mkfs.erofs 1.5 -T0 --all-root with a UUID of zeros: superblock, inode and directory.
constexpr EmptyImage kErofs{
    "e2e1f5e077641ef1030000000c002400"
    "01000000000000000000000000000000"
    "00000000010000000000000000000000"
    "00000000000000000000000000000000"
    "00000000000000000000000000000000"
    "00000000000000000000000000000000"
    "00000000000000000000000000000000"
    "00000000000000000000000000000000"
    "04000000ed4102001b00000000000000"
    "ffffffff000000000000000000000000"
    "24000000000000001800020024000000"
    "00000000190002002e2e2e",
    1024,
    "5.19"};
constexpr off_t kImageSize = 4096;
constexpr IdRange kAnyRange{1U << 29U, 65536};

const EmptyImage& empty_image(Filesystem filesystem) {
  return filesystem == Filesystem::kErofs ? kErofs : kSquashfs;
}

Result<UniqueFd> make_empty_image(const EmptyImage& image) {
  UniqueFd file = MOSB_TRY(sys::memfd("mosb-empty-image"));
  const std::vector<std::byte> bytes = MOSB_TRY(from_hex(image.hex));
  MOSB_CHECK(sys::pwrite_all(file.get(), bytes, image.offset));
  if (::ftruncate(file.get(), kImageSize) < 0) {
    return Error::sys("enlarge a file in memory", errno);
  }
  return file;
}

}  // namespace

Result<std::string> find_idmap_obstacle(Filesystem filesystem, MountApi& api) {
  const EmptyImage& image = empty_image(filesystem);
  const std::string name = filesystem_name(filesystem);
  const UniqueFd file = MOSB_TRY(make_empty_image(image));
  const LoopDevice loop =
      MOSB_TRY(api.attach_loop(LoopSetup{file.get(), ByteCount{kImageSize}, "mosb:empty"}));
  const UniqueFd mount =
      MOSB_TRY(api.create(FilesystemConfig{name, loop.path(), {{"ro", ""}}, MOUNT_ATTR_RDONLY}));
  const UniqueFd user_namespace = MOSB_TRY(make_user_namespace(kAnyRange));
  const Status mapped = api.set_attributes(mount.get(), MountAttributes{0, user_namespace.get()});
  if (mapped) {
    return std::string();
  }
  if (mapped.error().sys_errno() == EINVAL || mapped.error().sys_errno() == ENOSYS) {
    return "this kernel cannot id-map " + name + " (needs Linux " + image.kernel + ")";
  }
  return mapped.error();
}

}  // namespace mosb::verity
