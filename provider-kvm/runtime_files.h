#pragma once

#include <string>
#include <utility>

namespace mosb::kvm {

/// The files of one machine that runs. They lie in a directory of their own, mode 0700, which is
/// made before qemu starts and removed when nothing runs any more.
class RuntimeFiles {
 public:
  /// `dir` is absolute without a slash at the end, and no longer than kMaxDir, so that every socket
  /// in it has an address. `console_log` is absolute.
  RuntimeFiles(std::string dir, std::string console_log)
      : dir_(std::move(dir)), console_log_(std::move(console_log)) {}

  /// What a socket's address can hold less the longest name below.
  static constexpr std::size_t kMaxDir = 107 - sizeof("/console.sock");

  const std::string& dir() const { return dir_; }
  /// qemu's control socket (QMP); one client at a time.
  std::string qmp() const { return dir_ + "/qmp.sock"; }
  /// The first serial port; one client at a time.
  std::string console() const { return dir_ + "/console.sock"; }
  /// What the guest writes to the first serial port, also while nobody is connected. Appended to.
  const std::string& console_log() const { return console_log_; }
  /// The guest agent's channel (virtio-serial port org.qemu.guest_agent.0).
  std::string guest_agent() const { return dir_ + "/agent.sock"; }
  /// swtpm's control socket.
  std::string tpm() const { return dir_ + "/swtpm.sock"; }
  /// The screen, if there is one.
  std::string screen() const { return dir_ + "/screen.sock"; }
  /// qemu writes its process id into it, and removes it when it ends by itself, if it may.
  std::string pid() const { return dir_ + "/qemu.pid"; }
  /// Where a qemu that is not root runs and may write; it owns the directory.
  std::string own() const { return dir_ + "/own"; }
  /// A socket in own() that nobody connects to: qemu removes it when it ends by itself, and has no
  /// right to remove anything else.
  std::string alive() const { return own() + "/" + kAlive; }
  static constexpr const char* kAlive = "alive.sock";

 private:
  std::string dir_;
  std::string console_log_;
};

}  // namespace mosb::kvm
