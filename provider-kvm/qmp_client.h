#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "mosb/base/deadline.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"
#include "provider-kvm/qmp_message.h"

namespace mosb::kvm {

/// A connection to qemu's control socket. qemu serves one at a time: a second waits for its
/// greeting until the first is closed. Every call ends by its deadline.
class QmpClient {
 public:
  /// Takes the greeting and leaves negotiation mode. `gone` is a pidfd of qemu, or -1.
  /// Errors: kNotFound if there is no such socket; kRuntime if qemu ends or says nothing in time.
  static Result<QmpClient> connect(const std::string& path, int gone, const Deadline& deadline);

  /// Of qemu, e.g. "7.2.22".
  const std::string& version() const { return version_; }
  /// Runs a command to its answer; events that come meanwhile are kept. Errors: kRuntime if qemu
  /// refuses, with its words, or does not answer in time; kContent if what it says is no QMP.
  Result<Json> execute(const std::string& command, const Json& arguments, const Deadline& deadline);
  Result<Json> execute(const std::string& command, const Deadline& deadline) {
    return execute(command, nullptr, deadline);
  }
  /// The oldest event that was not given out. Errors: kRuntime if none comes in time.
  Result<QmpEvent> next_event(const Deadline& deadline);

 private:
  QmpClient(UniqueFd socket, UniqueFd gone) : socket_(std::move(socket)), gone_(std::move(gone)) {}
  Result<QmpMessage> receive(const Deadline& deadline);
  void keep(QmpEvent event);
  Status send(const std::string& line, const Deadline& deadline);

  UniqueFd socket_;
  UniqueFd gone_;
  LineBuffer lines_{kMaxQmpLine};
  std::deque<QmpEvent> events_;
  std::string version_;
  std::uint64_t last_id_ = 0;
};

}  // namespace mosb::kvm
