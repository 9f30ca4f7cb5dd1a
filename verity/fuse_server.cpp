#include "verity/fuse_server.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/fuse.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/geometry.h"
#include "verity/server_sandbox.h"
#include "verity/watchdog.h"

namespace mosb::verity {

namespace {

constexpr unsigned kWorkers = 2;
constexpr std::chrono::milliseconds kWatchdogTick{3'000};
constexpr unsigned kWatchdogTicks = 10;
constexpr std::size_t kWorkerStack = 512 * kKiB;
/// Code, libraries, stacks and the C library's own.
constexpr ByteCount kBaseMemory{64 * kMiB};

enum ExitStatus : int { kEnded = 0, kFailedToServe = 1, kRefused = 2, kStuck = 3 };

void say(int fd, std::string_view text) {
  (void)sys::write_all(fd, std::as_bytes(std::span(text)));
}

/// A worker thread, made before the sandbox closes (it could not be made later) and held back
/// until there is something to serve.
class Worker {
 public:
  Worker(UniqueFd fuse, FuseObserver& observer) : fuse_(std::move(fuse)), observer_(observer) {}

  Status start() {
    pthread_attr_t attributes;
    pthread_t thread = 0;
    int err = ::pthread_attr_init(&attributes);
    err = err != 0 ? err : ::pthread_attr_setstacksize(&attributes, kWorkerStack);
    err = err != 0 ? err : ::pthread_create(&thread, &attributes, &Worker::main, this);
    err = err != 0 ? err : ::pthread_detach(thread);
    if (err != 0) {
      return Error::sys("start a thread", err).as(Errc::kHost);
    }
    started_.wait(false);
    return ok();
  }
  void go(FuseHandler& handler) {
    handler_ = &handler;
    handler_.notify_one();
  }
  void close_connection() { fuse_.reset(); }

 private:
  static void* main(void* self) {
    static_cast<Worker*>(self)->run();
    return nullptr;
  }
  [[noreturn]] void run() {
    started_ = true;
    started_.notify_one();
    handler_.wait(nullptr);
    const ConnectionEnd end = serve_fuse(fuse_.get(), *handler_.load(), observer_);
    ::_exit(end == ConnectionEnd::kUnmounted ? kEnded : kFailedToServe);
  }

  UniqueFd fuse_;
  FuseObserver& observer_;
  std::atomic<bool> started_{false};
  std::atomic<FuseHandler*> handler_{nullptr};
};

/// A second descriptor of the same connection with a queue of its own, for the second thread.
Result<UniqueFd> clone_connection(int fuse) {
  UniqueFd clone = MOSB_TRY(sys::open("/dev/fuse", O_RDWR));
  auto source = static_cast<std::uint32_t>(fuse);
  if (::ioctl(clone.get(), FUSE_DEV_IOC_CLONE, &source) < 0) {
    return Error::sys("clone the FUSE connection", errno).as(Errc::kHost);
  }
  return clone;
}

/// A file in the place of the device would be read unchecked.
Status check_device() {
  struct stat st {};
  return ::fstat(ServedLayer::kBlobFd, &st) == 0 && S_ISBLK(st.st_mode)
             ? ok()
             : Status(Error(Errc::kUsage, "the layer's verity device is none"));
}

Status check_descriptors() {
  for (int fd = ServedLayer::kFuseFd; fd <= ServedLayer::kReadyFd; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) {
      return Error(Errc::kUsage, "descriptor " + std::to_string(fd) + " is not open");
    }
  }
  return ok();
}

ByteCount address_space(const ServedLayer& layer, const ServerProgram& program) {
  // One digest per 512 KiB is kept, and the level above it while it is read.
  const std::uint64_t digests = layer.size.value / kBlockSize / kDigestsPerBlock * kSha256Size;
  return ByteCount{kBaseMemory.value + program.memory.value + 4 * digests};
}

/// Everything that must be done before the sandbox is closed, then the closing.
Result<std::vector<std::unique_ptr<Worker>>> enter_sandbox(const ServedLayer& layer,
                                                           const ServerProgram& program,
                                                           Watchdog& watchdog) {
  MOSB_CHECK(check_descriptors());
  if (layer.checked_by_kernel) {
    MOSB_CHECK(check_device());
  }
  (void)::close_range(ServedLayer::kReadyFd + 1, ~0U, 0);
  std::vector<UniqueFd> connections;
  connections.emplace_back(ServedLayer::kFuseFd);
  while (connections.size() < kWorkers) {
    connections.push_back(MOSB_TRY(clone_connection(ServedLayer::kFuseFd)));
  }
  const ServerLimits::User user = MOSB_TRY(user_of_server());
  MOSB_CHECK(leave_mounts());
  MOSB_CHECK(drop_privileges({.address_space = address_space(layer, program),
                              .highest_fd = connections.back().get(),
                              .user = user}));
  // One heap for all threads: more would cost memory and save nothing.
  (void)::mallopt(M_ARENA_MAX, 1);
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < kWorkers; ++i) {
    workers.push_back(std::make_unique<Worker>(std::move(connections[i]), watchdog.worker(i)));
    MOSB_CHECK(workers.back()->start());
  }
  MOSB_CHECK(restrict_system_calls(ServedLayer::kBlobFd));
  return workers;
}

Result<VerifiedReader> open_layer(const ServedLayer& layer) {
  return layer.checked_by_kernel
             ? VerifiedReader::open_device(ServedLayer::kBlobFd, layer.size)
             : VerifiedReader::open(ServedLayer::kBlobFd, layer.size, layer.root_hash);
}

Result<std::vector<std::unique_ptr<FuseHandler>>> make_handlers(const ServedLayer& layer,
                                                                const ServerProgram& program,
                                                                FaultLog& faults) {
  const VerifiedReader reader = MOSB_TRY(open_layer(layer));
  std::vector<std::unique_ptr<FuseHandler>> handlers;
  for (unsigned i = 0; i < kWorkers; ++i) {
    handlers.push_back(MOSB_TRY(program.make_handler(reader, faults)));
  }
  return handlers;
}

}  // namespace

Result<ServedLayer> ServedLayer::parse(const std::string& root_hash,
                                       const std::string& size,
                                       bool checked_by_kernel) {
  return ServedLayer{.root_hash = MOSB_TRY(RootHash::parse(root_hash)),
                     .size = ByteCount{MOSB_TRY(parse_uint(size, 1, kMaxLayerSize.value))},
                     .checked_by_kernel = checked_by_kernel};
}

void refuse_to_serve(const Error& error) {
  say(ServedLayer::kReadyFd, "error " + escape(error.message()) + "\n");
  ::_exit(kRefused);
}

void serve_layer(const ServedLayer& layer, const ServerProgram& program) {
  Watchdog watchdog(kWorkers, kWatchdogTick, kWatchdogTicks);
  auto workers = enter_sandbox(layer, program, watchdog);
  if (!workers) {
    refuse_to_serve(workers.error());
  }
  FaultLog faults(ServedLayer::kStatusFd);
  auto handlers = make_handlers(layer, program, faults);
  if (!handlers) {
    refuse_to_serve(handlers.error());
  }
  for (unsigned i = 0; i < kWorkers; ++i) {
    (*workers)[i]->go(*(*handlers)[i]);
  }
  say(ServedLayer::kReadyFd, "ready\n");
  (void)::close(ServedLayer::kReadyFd);
  watchdog.wait_until_stuck();
  // A thread that hangs in the kernel keeps the descriptor table, and with it the connection,
  // from going away with the process: close the connection by hand first.
  for (auto& worker : *workers) {
    worker->close_connection();
  }
  say(ServedLayer::kStatusFd, "backing store does not answer\n");
  ::_exit(kStuck);
}

}  // namespace mosb::verity
