#pragma once

#include <libdevmapper.h>

#include "mosb/base/shared_library.h"

/// The functions of libdevmapper that mosb calls, and their names here.
// clang-format off
#define MOSB_DM_FUNCTIONS(use) \
  use(dm_log_with_errno_init, log_with_errno_init) \
  use(dm_udev_set_sync_support, udev_set_sync_support) \
  use(dm_task_create, task_create) \
  use(dm_task_destroy, task_destroy) \
  use(dm_task_set_name, task_set_name) \
  use(dm_task_run, task_run) \
  use(dm_task_get_errno, task_get_errno) \
  use(dm_task_get_info, task_get_info) \
  use(dm_task_get_names, task_get_names) \
  use(dm_task_deferred_remove, task_deferred_remove) \
  use(dm_get_next_target, get_next_target)
// clang-format on

namespace mosb::verity {

/// For log_with_errno_init(): every failure comes back as an errno, and in mosb's own words.
void keep_dm_quiet(int level, const char* file, int line, int code, const char* format, ...);

struct DmLibrary {
  MOSB_DM_FUNCTIONS(MOSB_LIBRARY_MEMBER)
};

/// The library, loaded once and never unloaded. It waits for no udev: that has no deadline, and a
/// process that is killed meanwhile would leave a semaphore.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const DmLibrary*> dm_library();

}  // namespace mosb::verity
