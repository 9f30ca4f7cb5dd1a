#include "mosb/agent/squashfs_image.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/program.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr std::chrono::hours kTimeout{6};
constexpr std::array<std::pair<const char*, Compression>, 4> kCompressions{
    {{"zstd", Compression::kZstd},
     {"gzip", Compression::kGzip},
     {"xz", Compression::kXz},
     {"lz4", Compression::kLz4}}};

/// The path without symlinks, so that mksquashfs neither packs a link nor takes a name for a flag.
Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) {
    return Error::sys("rootfs " + quote(path), errno).as(Errc::kUsage);
  }
  return std::string(real.get());
}

std::string octal(std::uint32_t mode) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

Status run(std::vector<std::string> argv, int input_fd, ProcessRunner& processes) {
  const std::string program = argv.front();
  // mksquashfs refuses -all-time beside SOURCE_DATE_EPOCH, so it gets no environment of ours.
  Command command{std::move(argv), {"LC_ALL=C"}, "", input_fd, kTimeout};
  Result<Completed> completed = processes.run(command);
  if (!completed) {
    Error error = std::move(completed).error();
    if (error.code() == Errc::kNotFound) {
      return std::move(error).as(Errc::kHost).with_hint("install the package squashfs-tools");
    }
    return error;
  }
  if (completed->status != 0) {
    return Error(Errc::kContent, program + ": " + escape(last_line(completed->err)));
  }
  return ok();
}

void add_common(std::vector<std::string>& argv, const SquashfsRequest& request) {
  const std::string time = std::to_string(request.timestamp);
  for (const char* argument : {"-comp",
                               compression_name(request.compression),
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

Status pack_directory(const SquashfsRequest& request,
                      const std::string& dir,
                      ProcessRunner& processes) {
  std::vector<std::string> argv{"mksquashfs", dir, request.output, "-noappend", "-no-recovery"};
  add_common(argv, request);
  return run(std::move(argv), -1, processes);
}

Status pack_tar(const SquashfsRequest& request,
                const std::string& tar,
                ProcessRunner& processes,
                const std::string& temp_dir) {
  const std::string plain = temp_dir + "/rootfs.tar";
  const RootDirectory root = MOSB_TRY(normalise_rootfs_tar(tar, plain));
  SquashfsRequest of_plain = request;
  of_plain.rootfs = plain;
  const Status packed = make_squashfs_of_tar(of_plain, root, processes);
  MOSB_CHECK(sys::unlink(plain));
  return packed;
}

}  // namespace

const char* compression_name(Compression compression) {
  for (const auto& [name, value] : kCompressions) {
    if (value == compression) {
      return name;
    }
  }
  return "zstd";
}

Result<Compression> parse_compression(const std::string& name) {
  for (const auto& [known, value] : kCompressions) {
    if (name == known) {
      return value;
    }
  }
  return Error(Errc::kUsage, "unknown compression " + quote(name) + ": zstd, gzip, xz or lz4");
}

Status make_squashfs_of_tar(const SquashfsRequest& request,
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
  return run(std::move(argv), input.get(), processes);
}

Status make_squashfs(const SquashfsRequest& request,
                     ProcessRunner& processes,
                     const std::string& temp_dir) {
  const std::string path = MOSB_TRY(real_path(request.rootfs));
  const struct stat st = MOSB_TRY(sys::lstat(path));
  if (S_ISDIR(st.st_mode)) {
    return pack_directory(request, path, processes).context("pack " + quote(request.rootfs));
  }
  if (S_ISREG(st.st_mode)) {
    return pack_tar(request, path, processes, temp_dir).context("pack " + quote(request.rootfs));
  }
  return Error(Errc::kUsage, "rootfs " + quote(request.rootfs) + " is no directory and no tar");
}

}  // namespace mosb::agent
