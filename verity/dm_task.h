#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/dm_library.h"
#include "verity/named_device.h"

namespace mosb::verity {

/// One line of a table or status.
struct DmTarget {
  /// 512-byte sectors.
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::string type;
  std::string params;
};

/// One call of the device-mapper driver.
class DmTask {
 public:
  /// `type`: DM_DEVICE_…; `name`: "" where it is about no certain device. Errors: kHost without the
  /// library or the driver.
  static Result<DmTask> make(int type, const std::string& name);

  DmTask(DmTask&& other) noexcept;
  DmTask& operator=(DmTask&&) = delete;
  DmTask(const DmTask&) = delete;
  DmTask& operator=(const DmTask&) = delete;
  ~DmTask();

  /// For DM_DEVICE_REMOVE: with the last user, if there is one.
  Status defer_removal();
  /// 0 or an errno; ENXIO: there is no such device.
  int run();
  /// After run().
  Result<dm_info> info() const;
  std::vector<DmTarget> targets() const;
  /// Of DM_DEVICE_LIST.
  std::vector<NamedDevice> devices() const;

 private:
  DmTask(const DmLibrary& library, dm_task* task) : library_(library), task_(task) {}
  const DmLibrary& library_;
  dm_task* task_;
};

}  // namespace mosb::verity
