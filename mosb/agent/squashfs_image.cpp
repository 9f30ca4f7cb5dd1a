#include "mosb/agent/squashfs_image.h"

#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>

#include "mosb/agent/image_tool.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr char kPackage[] = "squashfs-tools";

std::string octal(std::uint32_t mode) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

void add_common(std::vector<std::string>& argv, const LayerImageRequest& request) {
  const std::string time = std::to_string(request.timestamp);
  for (const char* argument : {"-comp",
                               compression_name(request.format.compression),
                               "-reproducible",
                               "-mkfs-time",
                               time.c_str(),
                               "-all-time",
                               time.c_str(),
                               "-exports",
                               "-xattrs",
                               "-exit-on-error",
                               "-no-progress",
                               "-quiet"}) {
    argv.emplace_back(argument);
  }
}

}  // namespace

Status make_squashfs_of_directory(const LayerImageRequest& request, ProcessRunner& processes) {
  std::vector<std::string> argv{
      "mksquashfs", request.rootfs, request.output, "-noappend", "-no-recovery"};
  add_common(argv, request);
  return run_image_tool(ImageTool{std::move(argv), -1, kPackage}, processes);
}

Status make_squashfs_of_tar(const LayerImageRequest& request,
                            const RootDirectory& root,
                            ProcessRunner& processes) {
  if (root.uid != 0 || root.gid != 0) {
    // sqfstar 4.5 takes -root-uid and ignores it.
    return Error(Errc::kContent,
                 "the tar's root directory belongs to " + std::to_string(root.uid) + ":" +
                     std::to_string(root.gid) + ", which squashfs-tools can't keep")
        .with_hint("give the unpacked directory, or a tar made with --owner=0 --group=0");
  }
  const UniqueFd input = MOSB_TRY(sys::open(request.rootfs, O_RDONLY));
  std::vector<std::string> argv{"sqfstar"};
  add_common(argv, request);
  argv.insert(argv.end(), {"-root-mode", octal(root.mode), request.output});
  return run_image_tool(ImageTool{std::move(argv), input.get(), kPackage}, processes);
}

}  // namespace mosb::agent
