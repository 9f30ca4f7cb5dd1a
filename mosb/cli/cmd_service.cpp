#include <algorithm>
#include <array>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "lxc/exec.h"
#include "lxc/user.h"
#include "mosb/agent/apply.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/service_status.h"
#include "mosb/base/duration.h"
#include "mosb/base/file.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/cli/apply_view.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/error_view.h"
#include "mosb/cli/log_flags.h"
#include "mosb/cli/log_view.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"
#include "mosb/cli/trust_flags.h"

namespace mosb::cli {

namespace {

/// exec's own failures must not look like the command's exit codes.
constexpr int kExecFailed = 125;
constexpr std::uint32_t kAllIds = 0xfffffffe;

struct ServiceFlags {
  std::string name;
  std::string wait = "2m";
  TrustFlags trust;
  LogFlags log;
  bool interactive = false;
  bool tty = false;
  std::string user;
  std::vector<std::string> command;
};

/// "verified until 2027-11-22", or "verified, ended 2026-11-22".
std::string signature_cell(const agent::ServiceImage& image, SystemTime now) {
  if (!image.counts_until) {
    return image.outcome;
  }
  constexpr std::size_t kDateSize = 10;
  return image.outcome + (*image.counts_until < now ? ", ended " : " until ") +
         to_rfc3339(*image.counts_until).substr(0, kDateSize);
}

/// "simple 10.0.3.99".
std::string network_cell(const agent::ServiceStatus& service) {
  std::string cell = service.network;
  if (service.addresses) {
    cell += " " + service.addresses->ipv4.str();
    if (service.addresses->ipv6) {
      cell += " " + service.addresses->ipv6->str();
    }
  }
  return cell;
}

/// "80->5000/tcp, 127.0.0.1:53->53/both".
std::string ports_cell(const agent::ServiceStatus& service) {
  std::vector<std::string> cells;
  for (const manifest::TargetPort& port : service.ports) {
    const bool v6 = port.host_ip && !port.host_ip->is_v4();
    const std::string host = port.host_ip ? port.host_ip->str() : "";
    cells.push_back((host.empty() ? "" : (v6 ? "[" + host + "]" : host) + ":") +
                    std::to_string(port.host) + "->" + std::to_string(port.container) + "/" +
                    manifest::protocol_name(port.protocol));
  }
  return join(cells, ", ");
}

Result<int> ps(Session& session) {
  const std::vector<agent::ServiceStatus> services =
      MOSB_TRY(agent::list_services(session.paths()));
  if (session.format() == Output::kJson) {
    Json json = Json::array();
    for (const agent::ServiceStatus& service : services) {
      json.push_back(agent::to_json(service));
    }
    print_json(json);
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const agent::ServiceStatus& service : services) {
    rows.push_back({service.name,
                    service.version,
                    agent::state_name(service.state),
                    service.pid ? std::to_string(*service.pid) : "",
                    service.since ? to_rfc3339(*service.since) : "",
                    service.verified_by,
                    service.image ? signature_cell(*service.image, session.clock().now()) : "",
                    network_cell(service),
                    ports_cell(service),
                    service.message});
  }
  (void)std::fputs(render_table({"SERVICE",
                                 "VERSION",
                                 "STATE",
                                 "PID",
                                 "SINCE",
                                 "VERIFIED BY",
                                 "SIGNATURE",
                                 "NETWORK",
                                 "PORTS",
                                 "MESSAGE"},
                                rows)
                       .c_str(),
                   stdout);
  return 0;
}

Result<agent::ServiceStatus> find_service(Session& session, const std::string& name) {
  for (agent::ServiceStatus& service : MOSB_TRY(agent::list_services(session.paths(), name))) {
    if (service.name == name) {
      return std::move(service);
    }
  }
  return Error(Errc::kNotFound, "there is no service " + quote(name))
      .with_hint("`mosb ps` lists the services");
}

Result<int> inspect(Session& session, const ServiceFlags& flags) {
  const agent::ServiceStatus status = MOSB_TRY(find_service(session, flags.name));
  Json json = agent::to_json(status);
  const agent::DesiredService service =
      MOSB_TRY(agent::describe_service(session.paths(), flags.name));
  json["config"] = Json::parse(manifest::print(service.applied.manifest))["targets"][0];
  Json layers = Json::array();
  for (const verity::LayerSource& layer : service.spec.image.layers) {
    layers.push_back({{"digest", layer.digest.str()},
                      {"root_hash", layer.root_hash.hex()},
                      {"size", layer.size.value},
                      {"filesystem", filesystem_name(layer.filesystem)}});
  }
  json["image"]["scope"] = service.applied.image.scope;
  json["image"]["layers"] = layers;
  json["process"] = {{"argv", service.spec.container.process.argv},
                     {"cwd", service.spec.container.process.cwd},
                     {"user", service.spec.user}};
  json["log"] = session.paths().service_log(flags.name);
  print_json(json);
  return 0;
}

Result<int> start(Session& session, const ServiceFlags& flags, bool stop_first) {
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  agent::ApplyOptions options;
  options.wait = MOSB_TRY(parse_duration(flags.wait).context("--wait").as(Errc::kUsage));
  MOSB_CHECK(agent::require_host_root());
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  const std::string dir = MOSB_TRY(applied_trust_dir(session, flags.trust));
  const agent::TrustContext trust{dir, session.clock(), &session.revocation()};
  const auto start_it = stop_first ? agent::restart_service : agent::start_service;
  show(session, MOSB_TRY(start_it(instance, flags.name, {configuration, trust}, options)), "");
  return 0;
}

Result<int> stop(Session& session, const ServiceFlags& flags) {
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  MOSB_CHECK(agent::stop_service(instance, flags.name));
  return 0;
}

Result<int> logs(Session& session, const ServiceFlags& flags) {
  (void)MOSB_TRY(find_service(session, flags.name));
  return show_log(session.paths().service_log(flags.name),
                  MOSB_TRY(log_request(flags.log, session.clock())));
}

Result<int> exec_inside(Session& session, const ServiceFlags& flags) {
  const agent::DesiredService service =
      MOSB_TRY(agent::describe_service(session.paths(), flags.name));
  const std::string instance = MOSB_TRY(agent::read_instance_id(session.paths()));
  const agent::Paths paths = session.paths();
  const agent::ServiceRuntime runtime(paths, instance);
  lxc::ExecRequest request;
  request.id = runtime.container_id(flags.name);
  request.process = service.spec.container.process;
  request.process.argv = flags.command;
  request.tty = flags.tty;
  const std::string user = flags.user.empty() ? service.spec.user : flags.user;
  const auto& idmap = service.spec.container.idmap;
  const lxc::UserIds ids = MOSB_TRY(
      lxc::resolve_user(service.spec.container.rootfs, user, idmap ? idmap->count : kAllIds));
  request.process.uid = ids.uid;
  request.process.gid = ids.gid;
  request.process.groups = ids.groups;
  agent::add_home(request.process.env, ids.home);
  UniqueFd null;
  if (!flags.interactive && !flags.tty) {
    null = MOSB_TRY(sys::open("/dev/null", O_RDONLY));
    request.stdin_fd = null.get();
  }
  return lxc::exec(request);
}

Result<int> exec(Session& session, const ServiceFlags& flags) {
  Result<int> status = exec_inside(session, flags);
  if (!status) {
    (void)report(session, status.error());
    return kExecFailed;
  }
  return status;
}

using ServiceAction = Result<int> (*)(Session&, const ServiceFlags&);

Result<int> start_only(Session& session, const ServiceFlags& flags) {
  return start(session, flags, false);
}
Result<int> restart(Session& session, const ServiceFlags& flags) {
  return start(session, flags, true);
}

/// What all commands about one service have.
std::shared_ptr<ServiceFlags> declare(Command& command, ServiceAction action) {
  const auto flags = std::make_shared<ServiceFlags>();
  command.option("NAME", flags->name, "The service").required();
  command.runs([flags, action](Session& s) { return action(s, *flags); });
  return flags;
}

void declare_start(Command command, ServiceAction action) {
  const auto flags = declare(command, action);
  command.option("--wait", flags->wait, "For the start, e.g. 90s or 2m").shows_default("2m");
  command.option(
      "--notation-config", flags->trust.notation_config, "notation configuration directory");
}

void declare_logs(Command command) {
  const auto flags = declare(command, logs);
  add_log_flags(command, flags->log);
  add_since_flag(command, flags->log);
}

void declare_exec(Command command) {
  const auto flags = declare(command, exec);
  command.flag("-i,--interactive", flags->interactive, "Pass standard input on");
  command.flag("-t,--tty", flags->tty, "Give the command a terminal, with standard input");
  command.option("--user", flags->user, "USER[:GROUP] instead of the service's own");
  command.option("COMMAND", flags->command, "The command and its arguments").required();
}

void add_verbs(Command& parent) {
  Command inspect_command = parent.subcommand("inspect", "Show everything about a service, as JSON")
                                .example("mosb inspect web");
  (void)declare(inspect_command, inspect);
  Command stop_command =
      parent.subcommand("stop", "Stop a service and keep it down").example("mosb stop web");
  (void)declare(stop_command, stop);
  declare_start(
      parent.subcommand("start", "Start a service that was applied").example("mosb start web"),
      start_only);
  declare_start(
      parent.subcommand("restart", "Stop and start a service").example("mosb restart web"),
      restart);
  declare_logs(parent.subcommand("logs", "Show what a service printed")
                   .example("mosb logs web -f --since 15m"));
  declare_exec(parent.subcommand("exec", "Run a command inside a service")
                   .example("mosb exec -it web -- /bin/sh\nThe status is the command's own, "
                            "128+n for signal n, or 125 when mosb itself failed."));
}

}  // namespace

void add_service_commands(Command& app) {
  Command list = app.subcommand("ps", "List the services").example("mosb ps -o json");
  list.runs(ps);
  add_verbs(app);
  Command group =
      app.subcommand("service", "The same commands, grouped").example("mosb service logs web -f");
  add_verbs(group);
}

}  // namespace mosb::cli
