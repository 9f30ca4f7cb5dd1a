#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::verity {

/// One process that serves a layer's checked bytes to the kernel.
struct ServerSetup {
  /// The program and what it is told: root hash, blob size, …
  std::vector<std::string> argv;
  /// /dev/fuse of a mount that exists already. Not owned.
  int fuse = -1;
  /// The layer's blob, open for reading. Not owned.
  int blob = -1;
  /// Made anew; the server writes a line to it for each corrupt block, and holds a lock on it for
  /// as long as it lives (see server_state.h).
  std::string status_path;
  /// Name below the cgroup root that the process is put in.
  std::string cgroup;
};

/// A server that said it is ready. Ended with the handle, unless it is released: then it ends by
/// itself when the kernel closes its connection.
class LayerServer {
 public:
  /// Starts the program and waits until it is ready, 10 s at most.
  /// Errors: kVerity with the server's own words if the layer is not what was promised; kHost if
  /// the program is missing or does not come up.
  static Result<LayerServer> start(const ServerSetup& setup);

  LayerServer(LayerServer&& other) noexcept = default;
  LayerServer& operator=(LayerServer&& other) noexcept = default;
  LayerServer(const LayerServer&) = delete;
  LayerServer& operator=(const LayerServer&) = delete;
  ~LayerServer();

  pid_t pid() const { return child_.pid; }
  /// Ends ownership; the process stays.
  void release();

 private:
  explicit LayerServer(Child child) : child_(std::move(child)) {}
  Child child_;
};

/// Reaps servers that this process started and that have ended. Called by every operation of
/// mounted_image.h; a long-running process may call it on SIGCHLD.
void reap_ended_servers();

}  // namespace mosb::verity
