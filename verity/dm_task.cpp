#include "verity/dm_task.h"

#include <cerrno>
#include <utility>

#include <sys/sysmacros.h>

#include "mosb/base/file.h"
#include "mosb/base/text.h"

namespace mosb::verity {

Result<DmTask> DmTask::make(int type, const std::string& name) {
  // Without the driver the library would try to make the node.
  if (!path_exists("/dev/mapper/control")) {
    return Error(Errc::kHost, "this kernel has no device-mapper, or it is not loaded")
        .with_hint("load the kernel module: modprobe dm-verity");
  }
  const DmLibrary* library = MOSB_TRY(dm_library());
  // libcryptsetup puts the library's own logger back each time.
  library->log_with_errno_init(&keep_dm_quiet);
  DmTask task(*library, library->task_create(type));
  if (task.task_ == nullptr ||
      (!name.empty() && library->task_set_name(task.task_, name.c_str()) == 0)) {
    return Error(Errc::kHost, "device-mapper cannot be asked about " + quote(name));
  }
  return task;
}

DmTask::DmTask(DmTask&& other) noexcept
    : library_(other.library_), task_(std::exchange(other.task_, nullptr)) {}

DmTask::~DmTask() {
  if (task_ != nullptr) {
    library_.task_destroy(task_);
  }
}

Status DmTask::defer_removal() {
  if (library_.task_deferred_remove(task_) == 0) {
    return Error(Errc::kHost, "device-mapper cannot remove a device with its last user");
  }
  return ok();
}

int DmTask::run() {
  if (library_.task_run(task_) != 0) {
    return 0;
  }
  const int err = library_.task_get_errno(task_);
  return err == 0 ? EIO : err;
}

Result<dm_info> DmTask::info() const {
  dm_info info{};
  if (library_.task_get_info(task_, &info) == 0) {
    return Error(Errc::kHost, "device-mapper gives no answer");
  }
  return info;
}

std::vector<NamedDevice> DmTask::devices() const {
  std::vector<NamedDevice> found;
  const dm_names* entry = library_.task_get_names(task_);
  // The library checks that the list lies in the answer; without devices it has one empty entry.
  while (entry != nullptr && entry->dev != 0) {
    found.push_back({entry->name,
                     std::to_string(gnu_dev_major(entry->dev)) + ":" +
                         std::to_string(gnu_dev_minor(entry->dev))});
    const auto* here = reinterpret_cast<const char*>(entry);
    entry = entry->next != 0 ? reinterpret_cast<const dm_names*>(here + entry->next) : nullptr;
  }
  return found;
}

std::vector<DmTarget> DmTask::targets() const {
  std::vector<DmTarget> targets;
  void* next = nullptr;
  do {
    DmTarget target;
    char* type = nullptr;
    char* params = nullptr;
    next = library_.get_next_target(task_, next, &target.start, &target.length, &type, &params);
    if (type != nullptr) {
      target.type = type;
      // The kernel ends each line with a space or not, depending on the target.
      target.params = params != nullptr ? params : "";
      target.params.resize(target.params.find_last_not_of(' ') + 1);
      targets.push_back(std::move(target));
    }
  } while (next != nullptr);
  return targets;
}

}  // namespace mosb::verity
