#include <cerrno>
#include <memory>
#include <set>

#include <dirent.h>

#include "lxc/config_items.h"
#include "lxc/container.h"
#include "lxc/last_exit.h"
#include "lxc/run_record.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

Status clear_cgroup(const std::string& name) {
  const Cgroup cgroup = MOSB_TRY(Cgroup::at(name));
  if (!cgroup.exists()) {
    return ok();
  }
  MOSB_CHECK(cgroup.kill_all(kKillTimeout));
  return cgroup.remove();
}

/// A run whose helper was killed has no end on record yet.
Status record_unrecorded_end(const ContainerId& id) {
  const auto start = MOSB_TRY(read_start_record(id.state_dir));
  const auto exit = MOSB_TRY(read_exit_record(id.state_dir));
  if (!start || (exit && exit->run_id == start->run_id)) {
    return ok();
  }
  const auto end = MOSB_TRY(last_exit(id));
  return end ? write_exit_record(id.state_dir, {start->run_id, *end}) : ok();
}

Result<std::vector<std::string>> list_directories(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  if (!dir) {
    const int err = errno;
    return err == ENOENT ? names
                         : Result<std::vector<std::string>>(Error::sys("list " + quote(path), err));
  }
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name(static_cast<const char*>(entry->d_name));
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      names.push_back(name);
    }
  }
  return names;
}

Status remove_if_there(const std::string& path) {
  return path_exists(path) ? sys::unlink(path) : ok();
}

}  // namespace

Status collect_garbage(const ContainerId& id) {
  if (MOSB_TRY(run_lock_is_held(id.run_dir))) {
    return ok();
  }
  // The container before its helper: what the helper's death leaves would be harder to find.
  MOSB_CHECK(clear_cgroup(service_cgroup(id.instance, id.name)));
  MOSB_CHECK(clear_cgroup(monitor_cgroup(id.instance, id.name)));
  MOSB_CHECK(record_unrecorded_end(id));
  // The helper writes in both, so only its lock says that nobody is at it.
  MOSB_CHECK(remove_stale_temps(id.run_dir));
  MOSB_CHECK(remove_stale_temps(id.state_dir));
  MOSB_CHECK(remove_if_there(id.run_dir + "/exec.sock"));
  return remove_if_there(id.run_dir + "/run.json");
}

Status collect_garbage(const std::string& instance,
                       const std::string& run_root,
                       const std::string& state_root) {
  std::set<std::string> names;
  for (const char* kind : {"/services", "/monitors"}) {
    const Cgroup parent = MOSB_TRY(Cgroup::at("mosb-" + instance + kind));
    const std::vector<std::string> children = MOSB_TRY(parent.children());
    names.insert(children.begin(), children.end());
  }
  for (const std::string& root : {run_root, state_root}) {
    const std::vector<std::string> entries = MOSB_TRY(list_directories(root));
    names.insert(entries.begin(), entries.end());
  }
  for (const std::string& name : names) {
    MOSB_CHECK(collect_garbage({name, instance, run_root + "/" + name, state_root + "/" + name})
                   .context("clear up after " + quote(name)));
  }
  return ok();
}

}  // namespace mosb::lxc
