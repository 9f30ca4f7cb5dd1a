#include "provider-kvm/tpm_process.h"

#include <chrono>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/program.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "provider-kvm/unix_socket.h"

namespace mosb::kvm {

namespace {

constexpr std::chrono::minutes kSetupTime{2};
constexpr const char* kUnfinished = ".mosb-new";
/// The number of swtpm's listening socket in swtpm.
constexpr int kSocketFd = 3;

bool is_2(const Tpm& tpm) {
  return tpm.version == Tpm::Version::k2_0;
}

std::vector<std::string> setup_argv(const Tpm& tpm, const std::string& dir) {
  std::vector<std::string> argv{"swtpm_setup", "--tpm-state", dir, "--runas", "root", "--createek"};
  if (is_2(tpm)) {
    argv.insert(argv.end(), {"--tpm2", "--pcr-banks", "sha256"});
  }
  return argv;
}

Status own(int fd, const std::string& path, std::uint32_t user) {
  if (::fchown(fd, user, user) < 0) {
    return Error::sys("give " + quote(path) + " to user " + std::to_string(user), errno);
  }
  return ok();
}

}  // namespace

Status set_up_tpm(const Tpm& tpm, const CgroupEntrance* cgroup, ProcessRunner& processes) {
  if (path_exists(tpm.state_dir)) {
    return ok();
  }
  const std::string dir = tpm.state_dir + kUnfinished;
  MOSB_CHECK(remove_tree(dir));
  MOSB_CHECK(sys::mkdir(dir, 0700));
  ScopeExit remove([&] { (void)remove_tree(dir); });
  Command command;
  command.argv = setup_argv(tpm, dir);
  command.env = program_environment();
  command.timeout = kSetupTime;
  command.cgroup = cgroup;
  auto done = processes.run(command);
  if (!done && done.error().code() == Errc::kNotFound) {
    return Error(Errc::kHost, "program 'swtpm_setup' is not installed")
        .with_hint("install the package swtpm-tools");
  }
  if (!done) {
    return std::move(done).error().as(Errc::kBoot);
  }
  if (done->status != 0) {
    return Error(Errc::kBoot,
                 "set up the TPM in " + quote(tpm.state_dir) + ": " +
                     escape(last_line(done->out + "\n" + done->err)));
  }
  MOSB_CHECK(sys::rename(dir, tpm.state_dir));
  remove.dismiss();
  return fsync_dir(tpm.state_dir.substr(0, tpm.state_dir.rfind('/')));
}

Status give_tpm_state(const std::string& state_dir, std::uint32_t user) {
  const UniqueFd dir =
      MOSB_TRY(sys::open(state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).as(Errc::kState));
  for (const std::string& name : MOSB_TRY(list_dir(state_dir))) {
    const std::string path = state_dir + "/" + name;
    const UniqueFd file =
        MOSB_TRY(sys::openat(dir.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).as(Errc::kState));
    const auto st = MOSB_TRY(sys::fstat(file.get(), path));
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
      return Error(Errc::kState, quote(path) + " is no part of a TPM's state");
    }
    MOSB_CHECK(own(file.get(), path, user));
  }
  return own(dir.get(), state_dir, user);
}

Result<Child> start_tpm(const Tpm& tpm, const TpmStart& how) {
  const std::string program =
      MOSB_TRY(find_program("swtpm").as(Errc::kHost).with_hint("install the package swtpm"));
  // Listening before swtpm runs: qemu need not wait for it.
  const UniqueFd socket = MOSB_TRY(listen_unix(how.socket));
  const UniqueFd log =
      MOSB_TRY(sys::open(how.log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  // By its own directory: a user of its own can't enter those above.
  const UniqueFd state = MOSB_TRY(sys::open(tpm.state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  Spawn what{.argv = {program,
                      "socket",
                      "--tpmstate",
                      "dir=.,mode=0600",
                      "--ctrl",
                      "type=unixio,fd=" + std::to_string(kSocketFd),
                      "--terminate"},
             .env = program_environment(),
             .fds = {-1, log.get(), log.get(), socket.get()},
             .cgroup = how.cgroup,
             .directory = state.get(),
             .user = how.user,
             .no_new_privileges = true};
  if (is_2(tpm)) {
    what.argv.emplace_back("--tpm2");
  }
  return spawn(what).as(Errc::kBoot);
}

}  // namespace mosb::kvm
