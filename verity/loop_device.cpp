#include "verity/loop_device.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::verity {

namespace {

constexpr char kControl[] = "/dev/loop-control";
/// How often somebody else may be faster with the device that was free a moment ago.
constexpr int kAttempts = 64;
constexpr std::chrono::milliseconds kPause{1};
constexpr std::uint32_t kLoopBlockSize = 4096;
/// Documentation/admin-guide/devices.txt: block major of loop devices.
constexpr std::string_view kLoopMajor = "7:";
constexpr std::uint64_t kMaxMinor = (1U << 20U) - 1;

std::string device_path(int number) {
  return "/dev/loop" + std::to_string(number);
}

loop_config make_config(const LoopSetup& setup) {
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(setup.backing);
  config.block_size = kLoopBlockSize;
  // Direct I/O: the pages of the file system above are the only copy in memory.
  config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  config.info.lo_sizelimit = setup.size_limit.value;
  const std::size_t length = std::min<std::size_t>(setup.tag.size(), LO_NAME_SIZE - 1);
  std::copy_n(setup.tag.begin(), length, &config.info.lo_file_name[0]);
  return config;
}

}  // namespace

Result<int> KernelLoopApi::get_free() {
  auto control = sys::open(kControl, O_RDWR);
  if (!control) {
    return std::move(control)
        .error()
        .as(Errc::kHost)
        .with_hint("load the kernel module loop: modprobe loop");
  }
  const int number = ::ioctl(control->get(), LOOP_CTL_GET_FREE);
  if (number < 0) {
    return Error::sys("ask for a free loop device", errno).as(Errc::kResource);
  }
  return number;
}

Result<UniqueFd> KernelLoopApi::open(int number) {
  return sys::open(device_path(number), O_RDONLY);
}

Status KernelLoopApi::configure(int fd, const loop_config& config) {
  if (::ioctl(fd, LOOP_CONFIGURE, &config) < 0) {
    return Error::sys("configure a loop device", errno);
  }
  return ok();
}

Result<LoopDevice> LoopDevice::attach(const LoopSetup& setup, LoopApi& api) {
  const loop_config config = make_config(setup);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) {
      std::this_thread::sleep_for(kPause);
    }
    const int number = MOSB_TRY(api.get_free());
    auto fd = api.open(number);
    // It got a user meanwhile, and loses it.
    if (!fd && fd.error().sys_errno() == ENXIO) {
      continue;
    }
    if (!fd) {
      return Error(Errc::kResource, "no free loop device: " + fd.error().message())
          .with_hint("make " + device_path(number) + " (mknod b 7 " + std::to_string(number) +
                     ") or free a loop device");
    }
    const Status configured = api.configure(fd->get(), config);
    if (configured) {
      return LoopDevice(*std::move(fd), number);
    }
    const int err = configured.error().sys_errno();
    if (err == ENOTTY || (err == EINVAL && attempt == 0)) {
      return configured.error().context(device_path(number)).as(Errc::kHost);
    }
    if (err != EBUSY) {
      return configured.error().context(device_path(number));
    }
  }
  return Error(Errc::kResource, "no free loop device: others took each that was free");
}

std::optional<int> loop_number(std::string_view device) {
  if (!device.starts_with(kLoopMajor)) {
    return std::nullopt;
  }
  const auto minor = parse_uint(device.substr(kLoopMajor.size()), 0, kMaxMinor);
  return minor ? std::optional<int>(static_cast<int>(*minor)) : std::nullopt;
}

Result<std::optional<LoopFacts>> read_loop_facts(int number) {
  const std::string path = device_path(number);
  const auto fd = sys::open(path, O_RDONLY);
  if (!fd) {
    const int err = fd.error().sys_errno();
    if (err == ENOENT || err == ENXIO || err == ENODEV) {
      return std::optional<LoopFacts>();
    }
    return fd.error();
  }
  loop_info64 info{};
  if (::ioctl(fd->get(), LOOP_GET_STATUS64, &info) < 0) {
    const int err = errno;
    if (err == ENXIO) {
      return std::optional<LoopFacts>();
    }
    return Error::sys("read the status of " + quote(path), err);
  }
  const char* name = reinterpret_cast<const char*>(&info.lo_file_name[0]);
  return std::optional(LoopFacts{std::string(name, ::strnlen(name, LO_NAME_SIZE)),
                                 ByteCount{info.lo_sizelimit},
                                 (info.lo_flags & LO_FLAGS_READ_ONLY) != 0,
                                 (info.lo_flags & LO_FLAGS_AUTOCLEAR) != 0});
}

std::string loop_obstacle() {
  const auto control = sys::open(kControl, O_RDWR);
  return control ? "" : "no loop devices are to be had: " + control.error().message();
}

std::string loop_tag(const std::string& root_hash_hex) {
  return "mosb:" + root_hash_hex.substr(0, 50);
}

}  // namespace mosb::verity
