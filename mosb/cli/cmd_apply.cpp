#include <cstdio>

#include "mosb/agent/apply.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/network_mending.h"
#include "mosb/base/duration.h"
#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/cli/apply_view.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/progress.h"
#include "mosb/cli/recheck_command.h"
#include "mosb/cli/session.h"
#include "mosb/cli/trust_flags.h"

namespace mosb::cli {

namespace {

struct ApplyFlags {
  std::string source;
  std::string wait = "2m";
  bool dry_run = false;
  bool keep_going = false;
  bool applied = false;
  bool network_only = false;
  bool recheck = false;
  bool volumes = false;
  TrustFlags trust;
};

Result<manifest::Manifest> read_manifest(const std::string& source) {
  if (source.starts_with("docker://")) {
    return Error(Errc::kUsage,
                 "published manifests are not supported by this mosb: " + quote(source))
        .with_hint("give the manifest as a file");
  }
  const std::string text =
      MOSB_TRY(read_named_file(source, manifest::kMaxManifestSize).as(Errc::kManifest));
  return manifest::parse(text, source);
}

constexpr char kNothingToDo[] = "Nothing to do: the machine is as the manifest says.";

Result<agent::ApplyOptions> options_from(const Session& session, const ApplyFlags& flags) {
  agent::ApplyOptions options;
  options.wait = MOSB_TRY(parse_duration(flags.wait).context("--wait").as(Errc::kUsage));
  options.keep_going = flags.keep_going;
  options.skip_signature = flags.trust.skip_signature;
  options.progress = progress_reporter(session);
  return options;
}

Result<int> plan(Session& session, const ApplyFlags& flags) {
  const manifest::Manifest manifest = MOSB_TRY(read_manifest(flags.source));
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  const std::string dir = MOSB_TRY(trust_dir(session, flags.trust));
  const agent::TrustContext trust{dir, session.clock(), &session.revocation()};
  show(session,
       MOSB_TRY(agent::plan_manifest(session.paths(),
                                     manifest,
                                     {configuration, trust},
                                     MOSB_TRY(options_from(session, flags)))),
       kNothingToDo);
  return 0;
}

Result<int> apply_applied(Session& session, const ApplyFlags& flags) {
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  const agent::ApplyOptions options = MOSB_TRY(options_from(session, flags));
  const std::string dir = MOSB_TRY(applied_trust_dir(session, flags.trust));
  const agent::TrustContext trust{dir, session.clock(), &session.revocation()};
  const agent::ApplyContext context{configuration, trust};
  agent::ApplyReport report;
  if (flags.dry_run) {
    report = MOSB_TRY(agent::plan_applied(session.paths(), context, options));
  } else {
    MOSB_CHECK(agent::require_host_root());
    const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
    report = MOSB_TRY(agent::apply_applied(instance, context, options));
  }
  show(session, report, kNothingToDo);
  return 0;
}

Result<int> mend_network(Session& session) {
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  // Silent where nothing was to do: a timer runs it.
  show(session, MOSB_TRY(agent::mend_network(instance, configuration)), "");
  return 0;
}

Result<int> apply(Session& session, const ApplyFlags& flags) {
  if (flags.applied == !flags.source.empty()) {
    return Error(Errc::kUsage, "apply takes either a manifest or --applied");
  }
  if (flags.network_only && (!flags.applied || flags.dry_run)) {
    return Error(Errc::kUsage, "--network-only goes with --applied and without --dry-run")
        .with_hint("`mosb doctor` shows what is not as it should be");
  }
  if (flags.recheck && (!flags.applied || flags.network_only)) {
    return Error(Errc::kUsage, "--recheck goes with --applied and without --network-only");
  }
  if (flags.network_only) {
    return mend_network(session);
  }
  if (flags.recheck) {
    return recheck(session, {flags.dry_run, flags.trust});
  }
  if (flags.applied) {
    return apply_applied(session, flags);
  }
  if (flags.dry_run) {
    return plan(session, flags);
  }
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  const agent::ApplyOptions options = MOSB_TRY(options_from(session, flags));
  const manifest::Manifest manifest = MOSB_TRY(read_manifest(flags.source));
  const std::string dir = MOSB_TRY(trust_dir(session, flags.trust));
  const agent::TrustContext trust{dir, session.clock(), &session.revocation()};
  MOSB_CHECK(agent::require_host_root());
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  show(session,
       MOSB_TRY(agent::apply_manifest(instance, manifest, {configuration, trust}, options)),
       kNothingToDo);
  return 0;
}

Result<int> down(Session& session, const ApplyFlags& flags) {
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  show(session, MOSB_TRY(agent::take_down(instance, flags.volumes)), kNothingToDo);
  return 0;
}

}  // namespace

void add_apply_commands(Command& app) {
  const auto flags = std::make_shared<ApplyFlags>();
  Command apply_command = app.subcommand("apply", "Make the machine match a manifest")
                              .example("mosb apply manifest.yaml --wait 2m");
  apply_command.option("SOURCE", flags->source, "The manifest's file");
  apply_command.flag(
      "--applied", flags->applied, "Bring back from disk, without network, what was applied");
  apply_command.flag("--network-only",
                     flags->network_only,
                     "With --applied: put rules and devices back, and leave services alone");
  apply_command.flag("--recheck",
                     flags->recheck,
                     "With --applied: judge the images of running services anew, where "
                     "trust.recheck is daily");
  apply_command.flag("--dry-run", flags->dry_run, "Show the steps only, as `mosb plan`");
  apply_command.flag(
      "--keep-going", flags->keep_going, "A service that does not start leaves the others running");
  apply_command.option("--wait", flags->wait, "For each service to start, e.g. 90s or 2m")
      .shows_default("2m");
  add_trust_flags(apply_command, flags->trust);
  apply_command.runs([flags](Session& s) { return apply(s, *flags); });

  Command plan_command = app.subcommand("plan", "Show what apply would do, and change nothing")
                             .example("mosb plan manifest.yaml -o json");
  plan_command.option("SOURCE", flags->source, "The manifest's file").required();
  add_trust_flags(plan_command, flags->trust);
  plan_command.runs([flags](Session& s) { return plan(s, *flags); });

  Command down_command =
      app.subcommand("down", "Stop and remove all services of this instance")
          .example(
              "mosb down --root /tmp/try\nImages stay in the store, and mounts made by `mosb "
              "mount` stay until `mosb umount`.");
  down_command.flag("--volumes", flags->volumes, "Remove the volumes, too");
  down_command.runs([flags](Session& s) { return down(s, *flags); });
}

}  // namespace mosb::cli
