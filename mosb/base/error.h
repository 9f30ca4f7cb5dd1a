#pragma once

#include <string>
#include <utility>

namespace mosb {

/// The classes of failure that programs may branch on. The value is the process's exit status
/// (docs/exit-codes.md).
enum class Errc {
  kInternal = 1,
  kUsage = 2,
  kNotFound = 3,
  kNetwork = 10,
  kContent = 11,
  kSignature = 12,
  kPolicy = 13,
  kManifest = 14,
  kVerity = 15,
  kRuntime = 16,
  kNetSetup = 17,
  kVolume = 18,
  kResource = 19,
  kBusy = 20,
  kState = 21,
  kHost = 22,
  kBoot = 23,
};

/// The class's name as it stands in error lines, e.g. "signature".
const char* errc_name(Errc code);

/// Why something could not be done: a class for programs, a text for people that reads from the
/// outermost operation to the innermost cause, and optionally the next step.
class [[nodiscard]] Error {
 public:
  Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

  /// A failed system call. `err` is errno, captured by the caller right after the call. The class
  /// follows from it: lack of space, memory, descriptors or devices is kResource, ENOENT kNotFound,
  /// everything else kInternal until a caller that knows the noun calls as().
  static Error sys(const std::string& what, int err);

  Errc code() const { return code_; }
  /// errno of the system call at the bottom, or 0.
  int sys_errno() const { return errno_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }

  /// Puts "outer: " in front of the message.
  Error context(const std::string& outer) const&;
  Error context(const std::string& outer) &&;
  /// Sets the class, except that kResource stays: a full disk is a full disk wherever it shows.
  Error as(Errc code) &&;
  /// Names the one thing to do next. The innermost hint is kept.
  Error with_hint(std::string hint) &&;

 private:
  Errc code_;
  int errno_ = 0;
  std::string message_;
  std::string hint_;
};

}  // namespace mosb
