#include "mosb/agent/volumes.h"

#include <cerrno>

#include <sys/stat.h>

#include "mosb/base/boot_id.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxRecord{1 * kMiB};

std::string record_file(const Paths& paths) {
  return paths.state() + "/volatile-volumes.json";
}

/// By label: the boot in which a volume that is not persistent was made.
Result<Json> read_record(const Paths& paths) {
  auto text = read_file(record_file(paths), kMaxRecord);
  if (!text) {
    return text.error().sys_errno() == ENOENT ? Result<Json>(Json::object())
                                              : std::move(text).error().as(Errc::kState);
  }
  return json::parse(*text, kMaxRecord).context(quote(record_file(paths))).as(Errc::kState);
}

Status write_record(const Paths& paths, const Json& record) {
  return write_file_atomic(record_file(paths), record.dump(1) + "\n", 0600);
}

std::string volume_dir(const Paths& paths, const std::string& label) {
  return paths.volumes() + "/" + label;
}

/// From now on nothing but an explicit command removes it.
Status keep_for_good(const Paths& paths, const std::string& label) {
  Json record = MOSB_TRY(read_record(paths));
  return record.erase(label) > 0 ? write_record(paths, record) : ok();
}

/// Empties a volume that an earlier boot filled: renamed first, so that a crash in between leaves
/// no half-emptied volume behind the name.
Status renew(const Paths& paths, const std::string& label, const std::string& dir) {
  Json record = MOSB_TRY(read_record(paths));
  const std::string boot = MOSB_TRY(current_boot_id());
  const auto it = record.find(label);
  if (it != record.end() && *it == boot) {
    return ok();
  }
  const std::string old = dir + ".old";
  MOSB_CHECK(remove_tree(old));
  if (path_exists(dir)) {
    MOSB_CHECK(sys::rename(dir, old));
    MOSB_CHECK(remove_tree(old));
  }
  record[label] = boot;
  return write_record(paths, record);
}

}  // namespace

Status check_volume(const Paths& paths, const VolumeBind& volume) {
  const std::string dir = volume_dir(paths, volume.label);
  if (volume.persistent || !path_exists(dir)) {
    return ok();
  }
  const std::string what = "volume " + quote(volume.label);
  const Json record = MOSB_TRY(read_record(paths).context(what).as(Errc::kVolume));
  if (record.contains(volume.label)) {
    return ok();
  }
  return Error(Errc::kVolume,
               what + " is persistent and not to be so any more, which would empty it")
      .with_hint("give it another label, or move " + dir + " away");
}

Result<std::string> ensure_volume(const Paths& paths, const VolumeBind& volume) {
  const std::string dir = volume_dir(paths, volume.label);
  const std::string what = "volume " + quote(volume.label);
  MOSB_CHECK(check_volume(paths, volume));
  Status aged =
      volume.persistent ? keep_for_good(paths, volume.label) : renew(paths, volume.label, dir);
  MOSB_CHECK(std::move(aged).context(what).as(Errc::kVolume));
  MOSB_CHECK(sys::mkdir(dir, 0755).context(what).as(Errc::kVolume));
  const struct stat st = MOSB_TRY(sys::lstat(dir).context(what).as(Errc::kVolume));
  if (!S_ISDIR(st.st_mode)) {
    return Error(Errc::kVolume, what + ": " + quote(dir) + " is not a directory")
        .with_hint("move it away; mosb follows no link there");
  }
  return dir;
}

std::string volume_bind_path(const Paths& paths, const std::string& service, std::size_t index) {
  return paths.service_run(service) + "/volumes/" + std::to_string(index);
}

}  // namespace mosb::agent
