#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>

#include "mosb/agent/bad_blocks.h"
#include "mosb/agent/image_mount.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/uid_ranges.h"
#include "mosb/base/log.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/progress.h"
#include "mosb/cli/scan_view.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"
#include "mosb/cli/trust_flags.h"

namespace mosb::cli {

namespace {

struct MountFlags {
  std::string ref;
  std::string dir;
  std::string upper;
  bool writable = false;
  /// "": as mosb.yaml says.
  std::string verifier;
  std::string idmap;
  std::string scope;
  bool insecure_registry = false;
  bool allow_missing_verity = false;
  TrustFlags trust;
};

/// What the interface knows and this mosb does not do is refused by name.
Status check_supported(const MountFlags& flags) {
  if (flags.allow_missing_verity) {
    return Error(Errc::kUsage, "--allow-missing-verity is not supported by this mosb")
        .with_hint("`mosb image build` makes verity layers");
  }
  return ok();
}

Result<verity::Verifier> verifier(const Session& session, const MountFlags& flags) {
  if (flags.verifier.empty()) {
    return MOSB_TRY(session.configuration()).verifier;
  }
  if (flags.verifier == "auto") {
    return verity::Verifier::kAuto;
  }
  return flags.verifier == "dm" ? verity::Verifier::kDm : verity::Verifier::kFuse;
}

Result<agent::MountRequest> mount_request(const Session& session, const MountFlags& flags) {
  agent::MountRequest request;
  request.ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  request.scope = MOSB_TRY(session.scope(request.ref, flags.scope));
  request.target = flags.dir;
  request.skip_signature = flags.trust.skip_signature;
  request.verifier = MOSB_TRY(verifier(session, flags));
  request.is_verifier_given = !flags.verifier.empty();
  request.policy = MOSB_TRY(session.configuration()).layers;
  if (flags.writable) {
    request.write = verity::ImageMount::Write::kTmpfs;
  }
  if (!flags.upper.empty()) {
    request.write = verity::ImageMount::Write::kUpper;
    request.upper_dir = flags.upper;
  }
  if (!flags.idmap.empty()) {
    constexpr std::uint64_t kMaxBase =
        std::numeric_limits<std::uint32_t>::max() - agent::kRangeSize;
    const std::uint64_t base =
        MOSB_TRY(parse_uint(flags.idmap, 1, kMaxBase).context("--idmap").as(Errc::kUsage));
    request.idmap_base = static_cast<std::uint32_t>(base);
  }
  return request;
}

Result<int> mount(Session& session, const MountFlags& flags) {
  MOSB_CHECK(check_supported(flags));
  const agent::MountRequest request = MOSB_TRY(mount_request(session, flags));
  const std::string dir = MOSB_TRY(trust_dir(session, flags.trust));
  const agent::TrustContext trust{dir, session.clock(), &session.revocation()};
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  const std::unique_ptr<oci::Repository> from = MOSB_TRY(session.open(
      request.ref, flags.insecure_registry, dir.empty() ? session.notation_config_if_any() : dir));
  const auto scanned =
      MOSB_TRY(agent::mount_reference(instance, *from, request, trust, progress_reporter(session)));
  for (const agent::ScannedLayer& layer : scanned) {
    for (const std::string& line : lines_for(layer.digest, layer.scan)) {
      print_line(session, line);
    }
  }
  if (flags.trust.skip_signature) {
    log::warn("mounted without looking at signatures");
  }
  return 0;
}

Result<int> umount(Session& session, const MountFlags& flags) {
  const std::string id = MOSB_TRY(agent::read_instance_id(session.paths()));
  if (id.empty()) {
    return Error(Errc::kNotFound, "no image is mounted at " + quote(flags.dir));
  }
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  MOSB_CHECK(agent::unmount_target(instance, flags.dir));
  return 0;
}

Json blocks_json(const std::vector<verity::BlockOwner>& owners) {
  Json json = Json::array();
  for (const verity::BlockOwner& owner : owners) {
    json.push_back({{"block", owner.block},
                    {"kind", kind_name(owner.kind)},
                    {"files", owner.files},
                    {"path", escape(owner.path)}});
  }
  return json;
}

Json to_json(const agent::Paths& paths, const verity::MountState& mount) {
  Json layers = Json::array();
  for (const verity::LayerState& layer : mount.layers) {
    layers.push_back({{"digest", layer.digest.str()},
                      {"root_hash", layer.root_hash.hex()},
                      {"root_hash_signed", layer.root_hash_signed},
                      {"filesystem", filesystem_name(layer.filesystem)},
                      {"device", layer.device},
                      {"status", layer.corrupt ? "corrupt" : "ok"},
                      {"detail", layer.detail},
                      {"blocks", blocks_json(agent::bad_block_owners(paths, layer))}});
  }
  Json idmap;
  if (mount.idmap) {
    idmap = {{"host_base", mount.idmap->host_base}, {"count", mount.idmap->count}};
  }
  return {{"target", mount.target},
          {"image", mount.label},
          {"verified_by", mount.verified_by},
          {"writable", mount.writable},
          {"idmap", idmap},
          {"layers", layers}};
}

/// "2 squashfs, 1 erofs".
std::string layer_summary(const verity::MountState& mount) {
  std::vector<std::string> parts;
  for (const Filesystem filesystem : {Filesystem::kSquashfs, Filesystem::kErofs}) {
    const auto count =
        std::ranges::count(mount.layers, filesystem, &verity::LayerState::filesystem);
    if (count > 0) {
      parts.push_back(std::to_string(count) + " " + filesystem_name(filesystem));
    }
  }
  return join(parts, ", ");
}

/// "ok", or what is wrong with the first layer that something is wrong with.
std::string health(const verity::MountState& mount) {
  for (const verity::LayerState& layer : mount.layers) {
    if (layer.corrupt) {
      return "layer " + layer.digest.str() + ": " + layer.detail;
    }
  }
  return "ok";
}

Result<int> mounts(Session& session) {
  const std::string id = MOSB_TRY(agent::read_instance_id(session.paths()));
  std::vector<verity::MountState> states;
  if (!id.empty()) {
    states = MOSB_TRY(verity::list_mounts(MOSB_TRY(agent::mount_environment(session.paths(), id))));
    agent::find_bad_blocks(session.paths(), states);
  }
  if (session.format() == Output::kJson) {
    Json json = Json::array();
    for (const verity::MountState& state : states) {
      json.push_back(to_json(session.paths(), state));
    }
    print_json(json);
    return 0;
  }
  agent::name_bad_blocks(session.paths(), states);
  std::vector<std::vector<std::string>> rows;
  for (const verity::MountState& state : states) {
    rows.push_back({state.target,
                    state.label,
                    state.verified_by,
                    state.writable ? "yes" : "no",
                    state.idmap ? std::to_string(state.idmap->host_base) : "",
                    layer_summary(state),
                    health(state)});
  }
  const std::vector<std::string> header{
      "TARGET", "IMAGE", "VERIFIED BY", "WRITABLE", "IDMAP", "LAYERS", "STATUS"};
  (void)std::fputs(render_table(header, rows).c_str(), stdout);
  return 0;
}

void declare_mount(Command& app) {
  const auto flags = std::make_shared<MountFlags>();
  Command command =
      app.subcommand("mount", "Mount an image whose signature and blocks are verified")
          .example("mosb mount registry.example/app:1.0 /mnt/app");
  command.option("REF", flags->ref, "The image").required();
  command.option("DIR", flags->dir, "Where to; its last part is made if it does not exist")
      .required();
  const Option upper =
      command.option("--upper", flags->upper, "Directory whose `upper` keeps what is written");
  command.flag("--writable", flags->writable, "What is written is gone after the umount")
      .excludes(upper);
  command.option("--verifier", flags->verifier, "What checks the blocks (default as configured)")
      .one_of({"auto", "dm", "fuse"});
  command.option(
      "--idmap", flags->idmap, "First of the 65536 host ids that the image's ids show as");
  command.option("--scope", flags->scope, "Trust scope of a layout, archive or digest");
  command.flag("--insecure-registry", flags->insecure_registry, "Plain HTTP");
  command.flag("--allow-missing-verity", flags->allow_missing_verity, "Not supported yet");
  add_trust_flags(command, flags->trust);
  command.runs([flags](Session& s) { return mount(s, *flags); });
}

}  // namespace

void add_mount_commands(Command& app) {
  declare_mount(app);
  const auto flags = std::make_shared<MountFlags>();
  Command umount_command =
      app.subcommand("umount", "Unmount an image and what nothing else needs of it")
          .example("mosb umount /mnt/app");
  umount_command.option("DIR", flags->dir, "Where it is mounted").required();
  umount_command.runs([flags](Session& s) { return umount(s, *flags); });
  Command mounts_command =
      app.subcommand("mounts", "List mounted images").example("mosb mounts -o json");
  mounts_command.runs(mounts);
}

}  // namespace mosb::cli
