#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

struct loop_config;

namespace mosb::verity {

/// The calls behind a loop device; tests put a crowded or empty host in their place.
class LoopApi {
 public:
  LoopApi() = default;
  LoopApi(const LoopApi&) = delete;
  LoopApi& operator=(const LoopApi&) = delete;
  LoopApi(LoopApi&&) = delete;
  LoopApi& operator=(LoopApi&&) = delete;
  virtual ~LoopApi() = default;
  /// LOOP_CTL_GET_FREE.
  virtual Result<int> get_free() = 0;
  virtual Result<UniqueFd> open(int number) = 0;
  /// LOOP_CONFIGURE (Linux 5.8). EBUSY: somebody else took the device since get_free().
  virtual Status configure(int fd, const loop_config& config) = 0;
};

class KernelLoopApi final : public LoopApi {
 public:
  Result<int> get_free() override;
  Result<UniqueFd> open(int number) override;
  Status configure(int fd, const loop_config& config) override;
};

struct LoopSetup {
  /// The file behind the device, open for reading. Not owned.
  int backing = -1;
  /// How much of the file the device shows.
  ByteCount size_limit;
  /// At most 63 bytes; kept by the kernel as the device's file name, by which it is known again.
  std::string tag;
};

/// A read-only loop device of 4096-byte blocks that the kernel frees with its last user: this
/// descriptor, or a file system mounted from it.
class LoopDevice {
 public:
  /// Errors: kResource if there is no free device, kHost if the host has no loop driver.
  static Result<LoopDevice> attach(const LoopSetup& setup, LoopApi& api);

  /// "/dev/loop3".
  std::string path() const { return "/dev/loop" + std::to_string(number_); }
  int number() const { return number_; }

 private:
  LoopDevice(UniqueFd fd, int number) : fd_(std::move(fd)), number_(number) {}
  UniqueFd fd_;
  int number_;
};

/// What the kernel says about a loop device.
struct LoopFacts {
  std::string tag;
  ByteCount size_limit;
  bool read_only = false;
  bool autoclear = false;
  bool operator==(const LoopFacts&) const = default;
};

/// Number of the loop device with the block number "7:3"; nullopt if that is another device's.
/// Pure.
std::optional<int> loop_number(std::string_view device);
/// nullopt if nothing is attached to the device or there is no such device.
Result<std::optional<LoopFacts>> read_loop_facts(int number);
/// "" if the host has a loop driver that this process may use, else why not.
std::string loop_obstacle();
/// "mosb:" and the first 50 hex digits of a root hash.
std::string loop_tag(const std::string& root_hash_hex);

}  // namespace mosb::verity
