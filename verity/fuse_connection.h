#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mosb::verity {

/// A request of the kernel. It lies in the worker's buffer until the handler returns.
struct FuseRequest {
  /// FUSE_GETATTR, …
  std::uint32_t opcode;
  std::uint64_t node;
  /// What follows fuse_in_header.
  std::span<const std::byte> body;

  /// The body's fixed part, or nullptr if the body is shorter than that.
  template <class T>
  const T* as() const {
    // reinterpret_cast: the kernel wrote a T there, aligned to 8 bytes.
    return body.size() < sizeof(T) ? nullptr : reinterpret_cast<const T*>(body.data());
  }
};

/// What the kernel gets back.
struct FuseAnswer {
  /// A positive errno, or 0.
  int error = 0;
  /// What follows fuse_out_header; the handler's memory, left alone until its next request.
  std::span<const std::byte> data;

  static FuseAnswer fail(int error) { return {.error = error, .data = {}}; }
  static FuseAnswer of(std::span<const std::byte> data) { return {.error = 0, .data = data}; }
};

/// Answers requests of one worker thread, one at a time. Opening files and directories is not
/// among them: the kernel is told not to ask, and caches all it was given (nothing ever changes).
class FuseHandler {
 public:
  FuseHandler() = default;
  FuseHandler(const FuseHandler&) = delete;
  FuseHandler& operator=(const FuseHandler&) = delete;
  FuseHandler(FuseHandler&&) = delete;
  FuseHandler& operator=(FuseHandler&&) = delete;
  virtual ~FuseHandler() = default;
  virtual FuseAnswer handle(const FuseRequest& request) = 0;
};

/// The longest that attributes, names and their absence may be cached.
constexpr std::uint64_t kForeverSeconds = std::uint64_t{10} * 365 * 24 * 3600;
/// The most that one FUSE_READ asks for.
constexpr std::size_t kMaxReadSize = std::size_t{1} << 20;

enum class ConnectionEnd {
  /// The last use of the mount is gone.
  kUnmounted,
  kFailed,
};

/// Told when a worker starts and ends work on a request.
class FuseObserver {
 public:
  FuseObserver() = default;
  FuseObserver(const FuseObserver&) = delete;
  FuseObserver& operator=(const FuseObserver&) = delete;
  FuseObserver(FuseObserver&&) = delete;
  FuseObserver& operator=(FuseObserver&&) = delete;
  virtual ~FuseObserver() = default;
  virtual void begin() = 0;
  virtual void end() = 0;
};

/// Answers requests from one descriptor of a FUSE connection until the connection ends. Replies
/// are copied, never spliced. Spec: Linux Documentation/filesystems/fuse.rst, protocol 7.28 on.
ConnectionEnd serve_fuse(int fd, FuseHandler& handler, FuseObserver& observer);

}  // namespace mosb::verity
