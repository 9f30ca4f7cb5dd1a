#include "lxc/init/init_process.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lxc/init_spec_layout.h"

namespace mosb::lxc {

namespace {

struct Failure {
  InitStage stage;
  int err;
};

/// Takes the next NUL-terminated string off [*at, end). nullptr if there is none.
const char* take_string(const char** at, const char* end) {
  const char* start = *at;
  const void* nul = std::memchr(start, '\0', static_cast<std::size_t>(end - start));
  if (nul == nullptr) {
    return nullptr;
  }
  *at = static_cast<const char*>(nul) + 1;
  return start;
}

bool take_strings(const char** at, const char* end, std::uint32_t count, char** out) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const char* text = take_string(at, end);
    if (text == nullptr) {
      return false;
    }
    out[i] = const_cast<char*>(text);  // execve(2) takes char*, writes nothing
  }
  out[count] = nullptr;
  return true;
}

bool fill(const InitSpecHeader& header, InitProcess* process) {
  const char* at = static_cast<const char*>(process->map) + sizeof header;
  const char* end = static_cast<const char*>(process->map) + header.size;
  const std::size_t group_bytes = std::size_t{header.group_count} * sizeof(std::uint32_t);
  if (header.group_count > kMaxInitGroups || group_bytes > static_cast<std::size_t>(end - at)) {
    return false;
  }
  process->groups = static_cast<const std::uint32_t*>(static_cast<const void*>(at));
  process->group_count = header.group_count;
  process->uid = header.uid;
  process->gid = header.gid;
  at += group_bytes;
  process->cwd = take_string(&at, end);
  process->env = process->argv + header.argv_count + 1;
  return process->cwd != nullptr && header.argv_count > 0 &&
         take_strings(&at, end, header.argv_count, process->argv) &&
         take_strings(&at, end, header.env_count, process->env) && at == end;
}

const char* path_of(char* const* env) {
  for (; *env != nullptr; ++env) {
    if (std::strncmp(*env, "PATH=", 5) == 0) {
      return *env + 5;
    }
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/// execve along PATH. Returns errno: the most telling one, as execvp(3) does.
int exec_along_path(const InitProcess& process) {
  const char* name = process.argv[0];
  if (std::strchr(name, '/') != nullptr) {
    ::execve(name, process.argv, process.env);
    return errno;
  }
  const std::size_t name_length = std::strlen(name);
  int answer = ENOENT;
  char path[PATH_MAX];
  for (const char* dir = path_of(process.env); name_length > 0;) {
    const char* colon = std::strchr(dir, ':');
    const std::size_t length =
        colon == nullptr ? std::strlen(dir) : static_cast<std::size_t>(colon - dir);
    // An empty element would mean the working directory: never wanted here.
    if (length > 0 && length + name_length + 2 <= sizeof path) {
      // NOLINTNEXTLINE(bugprone-not-null-terminated-result): the name with its end follows
      std::memcpy(path, dir, length);
      path[length] = '/';
      std::memcpy(path + length + 1, name, name_length + 1);
      ::execve(path, process.argv, process.env);
      if (errno == EACCES) {
        answer = EACCES;
      } else if (errno != ENOENT && errno != ENOTDIR) {
        return errno;
      }
    }
    if (colon == nullptr) {
      break;
    }
    dir = colon + 1;
  }
  return answer;
}

void reset_signals() {
  for (int sig = 1; sig < NSIG; ++sig) {
    (void)::signal(sig, SIG_DFL);  // NOLINT(cert-err33-c): SIGKILL and SIGSTOP cannot be set
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// In the child: becomes the program, or says where that failed.
Failure become(const InitProcess& process, const int stdio[3], bool terminal) {
  ::setsid();
  if (terminal && ::ioctl(stdio[0], TIOCSCTTY, 0) < 0) {
    return {InitStage::kTerminal, errno};
  }
  for (int i = 0; i < 3; ++i) {
    if (stdio[i] != i && ::dup2(stdio[i], i) < 0) {
      return {InitStage::kTerminal, errno};
    }
  }
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
    return {InitStage::kFork, errno};
  }
  ::umask(022);
  if (::setgroups(process.group_count, process.groups) < 0) {
    return {InitStage::kGroups, errno};
  }
  if (::setresgid(process.gid, process.gid, process.gid) < 0) {
    return {InitStage::kGid, errno};
  }
  if (::setresuid(process.uid, process.uid, process.uid) < 0) {
    return {InitStage::kUid, errno};
  }
  if (::chdir(process.cwd) < 0) {
    return {InitStage::kDirectory, errno};
  }
  reset_signals();
  return {InitStage::kExec, exec_along_path(process)};
}

}  // namespace

bool load_spec(int fd, InitProcess* process) {
  struct stat st {};
  const int seals = ::fcntl(fd, F_GET_SEALS);
  constexpr int kNeeded = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  if (seals < 0 || (seals & kNeeded) != kNeeded || ::fstat(fd, &st) < 0 ||
      st.st_size < static_cast<off_t>(sizeof(InitSpecHeader)) ||
      st.st_size > static_cast<off_t>(kMaxInitSpecSize)) {
    return false;
  }
  void* map = ::mmap(nullptr, static_cast<std::size_t>(st.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) {
    return false;
  }
  *process = InitProcess{};
  process->map = map;
  process->map_size = static_cast<std::uint32_t>(st.st_size);
  InitSpecHeader header{};
  std::memcpy(&header, map, sizeof header);
  if (header.magic != kInitSpecMagic || header.size != process->map_size ||
      header.argv_count > header.size || header.env_count > header.size) {
    unload_spec(process);
    return false;
  }
  process->pointer_bytes =
      static_cast<std::uint32_t>((header.argv_count + header.env_count + 2) * sizeof(char*));
  void* pointers = ::mmap(
      nullptr, process->pointer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pointers == MAP_FAILED) {
    unload_spec(process);
    return false;
  }
  process->argv = static_cast<char**>(pointers);
  if (!fill(header, process)) {
    unload_spec(process);
    return false;
  }
  return true;
}

void unload_spec(InitProcess* process) {
  if (process->argv != nullptr) {
    ::munmap(process->argv, process->pointer_bytes);
  }
  if (process->map != nullptr) {
    ::munmap(const_cast<void*>(process->map), process->map_size);
  }
  *process = InitProcess{};
}

InitLaunch launch(const InitProcess& process, const int stdio[3], bool terminal) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) < 0) {
    return {-1, -1, InitStage::kFork, errno};
  }
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int err = errno;
    ::close(report[0]);
    ::close(report[1]);
    return {-1, -1, InitStage::kFork, err};
  }
  if (pid == 0) {
    const Failure failure = become(process, stdio, terminal);
    (void)!::write(report[1], &failure, sizeof failure);
    ::_exit(127);
  }
  ::close(report[1]);
  return {pid, report[0], InitStage::kExec, 0};
}

bool read_report(int report_fd, InitStage* stage, int* err) {
  Failure failure{};
  ssize_t n = ::read(report_fd, &failure, sizeof failure);
  while (n < 0 && errno == EINTR) {
    n = ::read(report_fd, &failure, sizeof failure);
  }
  if (n != sizeof failure) {
    return true;  // closed by execve(2)
  }
  *stage = failure.stage;
  *err = failure.err;
  return false;
}

}  // namespace mosb::lxc
