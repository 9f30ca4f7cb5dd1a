#include "verity/layer_mount.h"

#include <cerrno>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <linux/mount.h>

#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "mosb/base/random.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/hash_tree.h"
#include "verity/layer_filesystem.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

namespace {

constexpr mode_t kDirMode = 0700;
/// One request per squashfs block of the default size.
constexpr const char* kMaxRead = "131072";
/// How long a server may take to see that its connection ended.
constexpr std::chrono::milliseconds kServerPatience{2000};
/// How long loop device and server may take to go after the last file system, and when that was
/// unmounted before.
constexpr std::chrono::milliseconds kUnmountPatience{500};
constexpr std::chrono::milliseconds kGonePatience{50};
constexpr std::chrono::milliseconds kPoll{2};
constexpr std::size_t kSuffixBytes = 4;
constexpr std::uint64_t kGuarded = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;

FilesystemConfig fuse_config(int fuse, const std::string& source, const char* root_mode) {
  return FilesystemConfig{"fuse",
                          source,
                          {{"subtype", "mosb"},
                           {"fd", std::to_string(fuse)},
                           {"rootmode", root_mode},
                           {"user_id", "0"},
                           {"group_id", "0"},
                           {"allow_other", ""},
                           {"default_permissions", ""},
                           {"max_read", kMaxRead},
                           {"ro", ""}},
                          kGuarded};
}

/// `blob`: the layer's file or its verity device.
ServerSetup server_setup(const CheckedLayer& layer,
                         std::vector<std::string> argv,
                         int fuse,
                         int blob) {
  argv.insert(argv.begin() + 1,
              {layer.step.layer.root_hash.hex(), std::to_string(layer.step.layer.size.value)});
  const LayerPlace& place = layer.step.place;
  return ServerSetup{std::move(argv), fuse, blob, place.status(), place.cgroup};
}

/// A server with shifted ids.
struct View {
  /// What its file system shows as its source.
  std::string source;
  /// The layer's file or its verity device. Not owned.
  int blob = -1;
  /// What the program is told behind the ids and the kind of overlay marks.
  std::vector<std::string> words;
};

/// A verity device of the layer's over a loop device, which it keeps. `name` is no other device's.
Result<VerityDevice> make_device(const CheckedLayer& layer,
                                 const std::string& name,
                                 MountApi& api) {
  const LayerSource& source = layer.step.layer;
  const Geometry geometry = MOSB_TRY(Geometry::of_layer_size(source.size));
  const LoopDevice loop = MOSB_TRY(
      api.attach_loop(LoopSetup{layer.blob.get(), source.size, loop_tag(source.root_hash.hex())}));
  return api.activate_verity(
      VeritySetup{name, loop.path(), geometry, source.root_hash, layer.salt, source.signature});
}

/// The kernel's own file system on a device of ours.
Result<UniqueFd> create_from(const std::string& device, Filesystem filesystem, MountApi& api) {
  FilesystemConfig config{filesystem_name(filesystem), device, {{"ro", ""}}, kGuarded};
  if (filesystem == Filesystem::kErofs) {
    // Access lists count for nothing, as in squashfs: some kernels switch them off in an overlay of
    // id-mapped layers, and what a service may read must not depend on that.
    config.options.push_back({"noacl", ""});
  }
  auto mount = api.create(config);
  if (mount || mount.error().code() == Errc::kHost) {
    return mount;
  }
  const int err = mount.error().sys_errno();
  // The superblock was found to be right, so it is something that this kernel lacks.
  return filesystem == Filesystem::kErofs && (err == EINVAL || err == EOPNOTSUPP)
             ? std::move(mount)
                   .error()
                   .as(Errc::kHost)
                   .with_hint(
                       "this kernel lacks a feature or compression of the erofs image; its "
                       "log says which")
             : std::move(mount).error().as(Errc::kVerity);
}

Status attach_at(int mount, const std::string& path, MountApi& api) {
  const UniqueFd target = MOSB_TRY(open_directory(path));
  return api.attach(mount, target.get()).context("mount at " + quote(path));
}

/// Whether the verity device that was there still is.
bool has_device(const LayerPlace& place, const LayerFacts& before) {
  // Its number may be another device's by now, but not with the same name.
  const auto name = before.verity ? mapper_name(before.verity->device) : std::nullopt;
  return name && name->starts_with(place.verity);
}

/// What the file system was on, or its server.
Result<bool> is_still_there(const LayerPlace& place, const LayerFacts& before) {
  if (!place.has_server()) {
    return has_device(place, before);
  }
  const bool alive = MOSB_TRY(read_server_state(place.status())).alive;
  if (place.has_verity() || !before.loop) {
    return alive;
  }
  return alive && MOSB_TRY(read_loop_facts(*loop_number(before.mount->device))) == before.loop;
}

/// Waits a moment for device and server to go. True if somebody still has the file system mounted,
/// where this process does not see it, or open: only then both stay.
Result<bool> is_still_used(const LayerPlace& place, const LayerFacts& before) {
  const auto deadline =
      std::chrono::steady_clock::now() + (before.mount ? kUnmountPatience : kGonePatience);
  for (;;) {
    reap_ended_servers();
    if (!MOSB_TRY(is_still_there(place, before))) {
      return false;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      // One that is stopped would not notice that its connection ended.
      return !place.has_server() || !MOSB_TRY(is_server_stopped(place.status()));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

Status unmount_hard(const std::string& path, MountApi& api) {
  const Status unmounted = api.unmount(path, Unmount::kIfIdle);
  if (!unmounted && unmounted.error().code() == Errc::kBusy) {
    return api.unmount(path, Unmount::kDetach);
  }
  return unmounted;
}

/// A process leaves its cgroup a moment after it has let go of its files. One that serves an
/// earlier mount of the layer, which is still in use, keeps it.
Status remove_cgroup(const std::string& name) {
  const auto cgroup = Cgroup::at(name);
  if (!cgroup) {
    return cgroup.error().code() == Errc::kHost ? ok() : Status(cgroup.error());
  }
  const auto deadline = std::chrono::steady_clock::now() + kServerPatience;
  for (;;) {
    Status removed = cgroup->remove();
    if (removed || removed.error().code() != Errc::kBusy) {
      return removed;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return ok();
    }
    std::this_thread::sleep_for(kPoll);
  }
}

/// A server's descriptors are closed a moment after it has let go of its lock.
void wait_for_device(const LayerPlace& place, const LayerFacts& before) {
  const auto deadline = std::chrono::steady_clock::now() + kUnmountPatience;
  while (has_device(place, before) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kPoll);
  }
}

Status remove_files(const LayerPlace& place) {
  MOSB_CHECK(sys::rmdir(place.idmapped()));
  MOSB_CHECK(sys::rmdir(place.mount()));
  MOSB_CHECK(sys::unlink(place.status()));
  MOSB_CHECK(sys::unlink(place.notes()));
  MOSB_CHECK(remove_stale_temps(place.dir));
  Status removed = sys::rmdir(place.dir);
  // Views of the layer that are in use lie in it.
  return !removed && removed.error().sys_errno() == ENOTEMPTY ? ok() : removed;
}

Status make_place(const LayerPlace& place) {
  MOSB_CHECK(sys::mkdir_all(place.dir, kDirMode));
  MOSB_CHECK(sys::mkdir(place.mount(), kDirMode));
  return sys::mkdir(place.idmapped(), kDirMode);
}

std::string layer_noun(const CheckedLayer& layer) {
  return "layer " + layer.step.layer.digest.str();
}

/// Takes away what is in the layer's place, if anything has to go.
Status clear_place(const LayerStep& step, MountApi& api) {
  if (step.action != LayerAction::kReplace) {
    return ok();
  }
  return api.unmount(step.place.mount(), Unmount::kDetach);
}

Status mount_view(const CheckedLayer& layer,
                  const IdRange& range,
                  const View& view,
                  const MountEnvironment& environment,
                  MountApi& api) {
  const UniqueFd fuse = MOSB_TRY(open_fuse());
  const UniqueFd served = MOSB_TRY(api.create(fuse_config(fuse.get(), view.source, "40755")));
  const std::string base = std::to_string(range.host_base);
  std::vector<std::string> argv{environment.libexec_dir + "/mosb-squashfs-server",
                                base,
                                base,
                                std::to_string(range.count),
                                environment.in_user_namespace ? "user" : "trusted"};
  argv.insert(argv.end(), view.words.begin(), view.words.end());
  LayerServer server =
      MOSB_TRY(api.start_server(server_setup(layer, std::move(argv), fuse.get(), view.blob)));
  MOSB_CHECK(attach_at(served.get(), layer.step.place.mount(), api));
  server.release();
  return ok();
}

}  // namespace

Result<UniqueFd> open_fuse() {
  auto fd = sys::open("/dev/fuse", O_RDWR);
  if (!fd) {
    const bool refused = fd.error().sys_errno() == EACCES || fd.error().sys_errno() == EPERM;
    return std::move(fd)
        .error()
        .as(Errc::kHost)
        .with_hint(refused ? "verified mounts need FUSE: let this user read and write /dev/fuse"
                           : "verified mounts need FUSE: modprobe fuse");
  }
  return fd;
}

Result<UniqueFd> open_directory(const std::string& path) {
  return sys::open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Result<CheckedLayer> check_layer(const LayerStep& step) {
  const LayerSource& layer = step.layer;
  const std::string noun = "layer " + layer.digest.str();
  UniqueFd blob =
      MOSB_TRY(sys::open(layer.blob_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).context(noun));
  const VerifiedReader reader = MOSB_TRY(
      VerifiedReader::open(blob.get(), layer.size, layer.root_hash).context("verify " + noun));
  MOSB_CHECK(require_filesystem(reader.filesystem(), layer.filesystem).context("verify " + noun));
  if (step.was_corrupt) {
    MOSB_CHECK(verify_layer_file(layer).context("verify " + noun));
  }
  return CheckedLayer{step, std::move(blob), reader.data_size(), reader.salt()};
}

Status mount_in_kernel(const CheckedLayer& layer,
                       const MountEnvironment& environment,
                       MountApi& api) {
  const LayerPlace& place = layer.step.place;
  const LayerSource& source = layer.step.layer;
  const auto mount_it = [&]() -> Status {
    MOSB_CHECK(make_place(place));
    MOSB_CHECK(clear_place(layer.step, api));
    const UniqueFd fuse = MOSB_TRY(open_fuse());
    const std::string name = layer_source_name(environment, source.root_hash, source.size);
    // The mount is never attached: its root is a file, opened through the mount's descriptor.
    UniqueFd served = MOSB_TRY(api.create(fuse_config(fuse.get(), name, "100444")));
    LayerServer server = MOSB_TRY(api.start_server(server_setup(
        layer, {environment.libexec_dir + "/mosb-layer-server"}, fuse.get(), layer.blob.get())));
    const UniqueFd file =
        MOSB_TRY(sys::open("/proc/self/fd/" + std::to_string(served.get()), O_RDONLY));
    const LoopDevice loop = MOSB_TRY(
        api.attach_loop(LoopSetup{file.get(), layer.data_size, loop_tag(source.root_hash.hex())}));
    const UniqueFd mount = MOSB_TRY(create_from(loop.path(), source.filesystem, api));
    MOSB_CHECK(attach_at(mount.get(), place.mount(), api));
    server.release();
    return ok();
  };
  return mount_it().context("mount " + layer_noun(layer));
}

Status mount_over_verity(const CheckedLayer& layer, MountApi& api) {
  const LayerPlace& place = layer.step.place;
  const auto mount_it = [&]() -> Status {
    MOSB_CHECK(make_place(place));
    MOSB_CHECK(clear_place(layer.step, api));
    // An earlier device of the layer may still be in use.
    VerityDevice device =
        MOSB_TRY(make_device(layer, place.verity + random_hex(kSuffixBytes), api));
    const UniqueFd mount = MOSB_TRY(create_from(device.path(), layer.step.layer.filesystem, api));
    // Before anything of it can be seen: from now on it goes with the mount, whoever unmounts it.
    MOSB_CHECK(device.release());
    return attach_at(mount.get(), place.mount(), api);
  };
  return mount_it().context("mount " + layer_noun(layer) + " over dm-verity");
}

Status mount_as_view(const CheckedLayer& layer,
                     const IdRange& range,
                     const MountEnvironment& environment,
                     MountApi& api) {
  const LayerSource& source = layer.step.layer;
  const auto mount_it = [&]() -> Status {
    MOSB_CHECK(make_place(layer.step.place));
    MOSB_CHECK(clear_place(layer.step, api));
    const View view{
        layer_source_name(environment, source.root_hash, source.size), layer.blob.get(), {}};
    return mount_view(layer, range, view, environment, api);
  };
  return mount_it().context("mount " + layer_noun(layer) + " as a server shows it");
}

Status mount_as_verity_view(const CheckedLayer& layer,
                            const IdRange& range,
                            const MountEnvironment& environment,
                            MountApi& api) {
  const LayerPlace& place = layer.step.place;
  const LayerSource& source = layer.step.layer;
  const auto mount_it = [&]() -> Status {
    MOSB_CHECK(make_place(place));
    MOSB_CHECK(clear_place(layer.step, api));
    const std::string suffix = random_hex(kSuffixBytes);
    VerityDevice device = MOSB_TRY(make_device(layer, place.verity + suffix, api));
    const UniqueFd opened = MOSB_TRY(sys::open(device.path(), O_RDONLY));
    // From now on it goes with whoever has it open: this process, then the server.
    MOSB_CHECK(device.release());
    const View view{layer_source_name(environment, source.root_hash, source.size) + ":" + suffix,
                    opened.get(),
                    {"dm"}};
    return mount_view(layer, range, view, environment, api);
  };
  return mount_it().context("mount " + layer_noun(layer) + " over dm-verity as a server shows it");
}

Status remove_place(const LayerPlace& place, MountApi& api) {
  MOSB_CHECK(unmount_hard(place.idmapped(), api));
  const MountTable table = MOSB_TRY(MountTable::read());
  const LayerFacts facts = MOSB_TRY(read_layer_facts(place, table));
  if (facts.mount) {
    MOSB_CHECK(unmount_hard(place.mount(), api));
  }
  const auto device = facts.verity ? mapper_name(facts.verity->device) : std::nullopt;
  if (device && device->starts_with(place.verity)) {
    // Set to go with its last user already, unless the mount was killed just before.
    MOSB_CHECK(remove_verity(*device));
  }
  if (MOSB_TRY(is_still_used(place, facts))) {
    return ok();
  }
  if (!place.has_server()) {
    return remove_files(place);
  }
  MOSB_CHECK(end_server(place.status(), kServerPatience));
  wait_for_device(place, facts);
  MOSB_CHECK(remove_cgroup(place.cgroup));
  return remove_files(place);
}

}  // namespace mosb::verity
