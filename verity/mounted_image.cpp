#include "verity/mounted_image.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "mosb/base/file.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/idmap_probe.h"
#include "verity/image_facts.h"
#include "verity/image_mount.h"
#include "verity/mount_garbage.h"
#include "verity/mount_namespace.h"
#include "verity/mount_plan.h"
#include "verity/mount_table.h"
#include "verity/server_probe.h"

namespace mosb::verity {

namespace {

constexpr std::chrono::seconds kLockTimeout{60};
constexpr mode_t kDirMode = 0700;
/// How long a reader may take to go away with its EIO.
constexpr std::chrono::seconds kReaderTimeout{2};

/// The path as the mount table shows it.
Result<std::string> real_path(const std::string& dir) {
  std::error_code failed;
  std::string path = std::filesystem::canonical(dir, failed).string();
  if (failed) {
    return Error::sys("find " + quote(dir), failed.value());
  }
  return path;
}

/// The same for a mount point, without entering what is mounted on it.
Result<std::string> real_target(const std::string& target) {
  const std::size_t end = target.find_last_not_of('/');
  const std::filesystem::path path(end == std::string::npos ? target : target.substr(0, end + 1));
  const std::string name = path.filename().string();
  if (name.empty() || name == "." || name == "..") {
    return real_path(target);
  }
  const auto dir =
      real_path(path.has_parent_path() ? path.parent_path().string() : std::string("."));
  if (!dir) {
    return dir.error();
  }
  const std::string& parent = *dir;
  return parent + (parent == "/" ? "" : "/") + name;
}

Result<MountEnvironment> with_real_path(MountEnvironment environment) {
  environment.run_dir = MOSB_TRY(real_path(environment.run_dir));
  return environment;
}

Result<FileLock> take_lock(const MountEnvironment& environment) {
  const auto deadline = std::chrono::steady_clock::now() + kLockTimeout;
  for (;;) {
    auto lock = FileLock::acquire(environment.run_dir + "/mount.lock");
    if (lock || lock.error().code() != Errc::kBusy ||
        std::chrono::steady_clock::now() >= deadline) {
      return lock;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// A reader of a stuck server keeps a mount busy, and nothing but the server's end frees it.
Status unmount_idle(const std::string& target, const MountEnvironment& environment, MountApi& api) {
  Status unmounted = api.unmount(target, Unmount::kIfIdle);
  if (unmounted || unmounted.error().code() != Errc::kBusy ||
      MOSB_TRY(end_stuck_servers(environment, kAnswerTimeout)).empty()) {
    return std::move(unmounted).with_hint("end what uses it and try again");
  }
  const auto deadline = std::chrono::steady_clock::now() + kReaderTimeout;
  while (!unmounted && unmounted.error().code() == Errc::kBusy &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    unmounted = api.unmount(target, Unmount::kIfIdle);
  }
  return std::move(unmounted).with_hint("end what uses it and try again");
}

/// Adds what is known of the blocks that failed.
void add_faults(const LayerPlace& place, const LayerFacts& facts, LayerState& layer) {
  layer.bad_blocks = facts.server.blocks;
  if (!layer.bad_blocks.empty() || !facts.verity || !facts.verity->corrupt) {
    return;
  }
  layer.silent_fault = SilentFault{facts.verity->name, place.notes()};
  if (auto blocks = read_block_notes(*layer.silent_fault)) {
    add_bad_blocks(layer, *std::move(blocks));
  }
}

Result<MountState> state_of(const LiveImage& image,
                            const MountEnvironment& environment,
                            const MountTable& table) {
  MountState state{image.record.target,
                   image.record.label,
                   {},
                   image.record.write != ImageMount::Write::kReadOnly,
                   image.record.display.idmap,
                   image.record.display.verifier == Verifier::kDm ? "dm-verity" : "fuse-verity"};
  for (const RecordedLayer& recorded : image.record.layers) {
    const LayerFacts facts =
        MOSB_TRY(read_recorded_facts(image.record, recorded, environment, table));
    std::string complaint = recorded_complaint(facts, image.record, recorded, environment);
    LayerState layer{recorded.layer.digest,
                     recorded.layer.root_hash,
                     device_name(recorded.device),
                     !complaint.empty(),
                     std::move(complaint),
                     recorded.layer.filesystem,
                     {},
                     recorded.layer.size,
                     std::nullopt,
                     has_checked_signature(facts)};
    if (layer.corrupt) {
      add_faults(place_of(environment, image.record.display, recorded.layer), facts, layer);
    }
    state.layers.push_back(std::move(layer));
  }
  return state;
}

MountState state_elsewhere(const ImageRecord& record) {
  MountState state{record.target,
                   record.label,
                   {},
                   record.write != ImageMount::Write::kReadOnly,
                   record.display.idmap,
                   ""};
  for (const RecordedLayer& recorded : record.layers) {
    state.layers.push_back(LayerState{recorded.layer.digest,
                                      recorded.layer.root_hash,
                                      device_name(recorded.device),
                                      false,
                                      "",
                                      recorded.layer.filesystem,
                                      {},
                                      recorded.layer.size});
  }
  return state;
}

bool is_image_at(const std::string& target,
                 const MountEnvironment& environment,
                 const MountTable& table) {
  const MountEntry* top = table.top_at(target);
  return top != nullptr && top->source.starts_with(source_prefix(environment));
}

Result<bool> is_mounted(const ImageMount& image, const MountEnvironment& given) {
  const MountEnvironment environment = MOSB_TRY(with_real_path(given));
  const std::string target = MOSB_TRY(real_target(image.target));
  const MountTable table = MOSB_TRY(MountTable::read());
  const auto live = MOSB_TRY(find_live_image(environment, target, table));
  ImageMount resolved = image;
  resolved.target = target;
  if (!image.upper_dir.empty()) {
    resolved.upper_dir = MOSB_TRY(real_path(image.upper_dir));
  }
  return live && describes(live->record, resolved) &&
         is_guarded_overlay(live->mount, image.write, overlay_marks(environment)) &&
         MOSB_TRY(has_healthy_layers(live->record, environment, table));
}

}  // namespace

void add_bad_blocks(LayerState& layer, std::vector<std::uint64_t> blocks) {
  layer.bad_blocks = std::move(blocks);
  layer.silent_fault.reset();
  if (layer.bad_blocks.empty()) {
    layer.detail += "; read again, all blocks of its file were right";
  }
}

Status mount_image(const ImageMount& image, const MountEnvironment& environment, MountApi& api) {
  reap_ended_servers();
  const auto mount_it = [&]() -> Status {
    MOSB_CHECK(sys::mkdir(environment.run_dir, kDirMode));
    const MountEnvironment resolved_environment = MOSB_TRY(with_real_path(environment));
    ImageMount resolved = image;
    resolved.target = MOSB_TRY(real_target(image.target));
    if (!image.upper_dir.empty()) {
      resolved.upper_dir = MOSB_TRY(real_path(image.upper_dir));
    }
    const FileLock lock = MOSB_TRY(take_lock(resolved_environment));
    return mount_resolved(resolved, resolved_environment, api);
  };
  return mount_it().context("mount an image at " + quote(image.target));
}

Status mount_image(const ImageMount& image, const MountEnvironment& environment) {
  KernelMountApi api;
  return mount_image(image, environment, api);
}

Status unmount_image(const std::string& target, const MountEnvironment& given, MountApi& api) {
  reap_ended_servers();
  if (!path_exists(given.run_dir)) {
    return Error(Errc::kNotFound, "no image is mounted at " + quote(target));
  }
  const MountEnvironment environment = MOSB_TRY(with_real_path(given));
  const std::string real = MOSB_TRY(real_target(target));
  const FileLock lock = MOSB_TRY(take_lock(environment));
  const bool mounted = is_image_at(real, environment, MOSB_TRY(MountTable::read()));
  if (!mounted && !path_exists(record_path(environment, real))) {
    MOSB_CHECK(remove_unused(environment, api));
    return Error(Errc::kNotFound, "no image is mounted at " + quote(target));
  }
  if (mounted) {
    MOSB_CHECK(unmount_idle(real, environment, api));
  }
  return remove_unused(environment, api);
}

Status unmount_image(const std::string& target, const MountEnvironment& environment) {
  KernelMountApi api;
  return unmount_image(target, environment, api);
}

Status unmount_images(const std::vector<std::string>& targets, const MountEnvironment& given) {
  KernelMountApi api;
  reap_ended_servers();
  const MountEnvironment environment = MOSB_TRY(with_real_path(given));
  const FileLock lock = MOSB_TRY(take_lock(environment));
  const MountTable table = MOSB_TRY(MountTable::read());
  for (const std::string& target : targets) {
    const std::string real = MOSB_TRY(real_target(target));
    if (is_image_at(real, environment, table)) {
      MOSB_CHECK(unmount_idle(real, environment, api));
    }
  }
  return remove_unused(environment, api);
}

Result<std::vector<MountState>> list_mounts(const MountEnvironment& given) {
  reap_ended_servers();
  if (!path_exists(given.run_dir)) {
    return std::vector<MountState>();
  }
  const MountEnvironment environment = MOSB_TRY(with_real_path(given));
  const MountTable table = MOSB_TRY(MountTable::read());
  std::vector<MountState> states;
  for (const LiveImage& image : MOSB_TRY(live_images(environment, table))) {
    states.push_back(MOSB_TRY(state_of(image, environment, table)));
  }
  std::sort(states.begin(), states.end(), [](const MountState& a, const MountState& b) {
    return a.target < b.target;
  });
  return states;
}

Result<std::vector<MountState>> list_mounts_elsewhere(const MountEnvironment& environment,
                                                      const std::string& run_dir) {
  std::vector<MountState> states;
  MountEnvironment other = environment;
  for (const std::string& dir : MOSB_TRY(namespace_dirs(run_dir))) {
    other.run_dir = dir;
    if (dir == environment.run_dir) {
      continue;
    }
    for (const std::string& path : MOSB_TRY(list_records(other))) {
      const auto text = read_file(path, kMaxRecord);
      const auto record = text ? ImageRecord::parse(*text) : text.error();
      if (record) {
        states.push_back(state_elsewhere(*record));
      }
    }
  }
  return states;
}

Result<bool> is_mounted_as(const ImageMount& image, const MountEnvironment& environment) {
  reap_ended_servers();
  auto mounted = is_mounted(image, environment);
  if (!mounted && mounted.error().code() == Errc::kNotFound) {
    return false;
  }
  return mounted;
}

Status collect_garbage(const MountEnvironment& given, MountApi& api) {
  reap_ended_servers();
  if (!path_exists(given.run_dir)) {
    return ok();
  }
  const MountEnvironment environment = MOSB_TRY(with_real_path(given));
  const FileLock lock = MOSB_TRY(take_lock(environment));
  return remove_unused(environment, api);
}

Status collect_garbage(const MountEnvironment& environment) {
  KernelMountApi api;
  return collect_garbage(environment, api);
}

Result<std::string> idmap_obstacle(Filesystem filesystem) {
  KernelMountApi api;
  return find_idmap_obstacle(filesystem, api);
}

}  // namespace mosb::verity
