#include "verity/fuse_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include "verity/block.h"

namespace mosb::verity {

namespace {

/// FUSE_MAX_PAGES, without which one read has at most 128 KiB.
constexpr std::uint32_t kMinMinor = 28;
constexpr std::uint32_t kWantedFlags = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_ASYNC_DIO |
                                       FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | FUSE_DO_READDIRPLUS |
                                       FUSE_READDIRPLUS_AUTO;

struct alignas(8) RequestBuffer {
  std::array<std::byte, FUSE_MIN_READ_BUFFER> bytes;
};

/// One whole message; fewer system calls than sys::read(), which would go on to the next one.
/// nullopt with `end` set when there is nothing more to come.
std::optional<std::size_t> receive(int fd, RequestBuffer& buffer, ConnectionEnd& end) {
  for (;;) {
    const ssize_t n = ::read(fd, buffer.bytes.data(), buffer.bytes.size());
    if (n >= 0) {
      return static_cast<std::size_t>(n);
    }
    switch (errno) {
      case EINTR:
      case EAGAIN:
      case ENOENT:  // the request was interrupted before it got here
        continue;
      case ENODEV:
      case ECONNABORTED:
        end = ConnectionEnd::kUnmounted;
        return std::nullopt;
      default:
        end = ConnectionEnd::kFailed;
        return std::nullopt;
    }
  }
}

/// Whether the connection goes on.
bool reply(int fd, std::uint64_t unique, const FuseAnswer& answer) {
  fuse_out_header header{};
  const std::size_t size = answer.error == 0 ? answer.data.size() : 0;
  header.len = static_cast<std::uint32_t>(sizeof header + size);
  header.error = -answer.error;
  header.unique = unique;
  // const_cast: writev(2) does not write there.
  const std::array<iovec, 2> parts{
      iovec{.iov_base = &header, .iov_len = sizeof header},
      iovec{.iov_base = const_cast<std::byte*>(answer.data.data()), .iov_len = size}};
  ssize_t n = -1;
  do {
    n = ::writev(fd, parts.data(), size == 0 ? 1 : 2);
  } while (n < 0 && errno == EINTR);
  // ENOENT: the reader gave up meanwhile.
  return n >= 0 || errno == ENOENT;
}

FuseAnswer initialize(const FuseRequest& request, fuse_init_out& out) {
  const auto* in = request.as<std::array<std::uint32_t, 4>>();  // major, minor, readahead, flags
  if (in == nullptr || (*in)[0] < FUSE_KERNEL_VERSION) {
    return FuseAnswer::fail(EPROTO);
  }
  out = {};
  out.major = FUSE_KERNEL_VERSION;
  out.minor = FUSE_KERNEL_MINOR_VERSION;
  const auto bytes = std::as_bytes(std::span(&out, 1));
  if ((*in)[0] > FUSE_KERNEL_VERSION) {
    return FuseAnswer::of(bytes);  // the kernel asks again with our major version
  }
  if ((*in)[1] < kMinMinor) {
    return FuseAnswer::fail(EPROTO);
  }
  out.minor = std::min<std::uint32_t>((*in)[1], FUSE_KERNEL_MINOR_VERSION);
  out.max_readahead = (*in)[2];
  out.flags = (*in)[3] & kWantedFlags;
  out.max_background = 64;
  out.congestion_threshold = 48;
  out.max_write = kBlockSize;  // the least there is; nothing is ever written
  out.time_gran = 1;
  out.max_pages = kMaxReadSize / kBlockSize;
  return FuseAnswer::of(bytes);
}

bool wants_answer(std::uint32_t opcode) {
  return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

}  // namespace

ConnectionEnd serve_fuse(int fd, FuseHandler& handler, FuseObserver& observer) {
  RequestBuffer buffer{};
  fuse_init_out init{};
  ConnectionEnd end = ConnectionEnd::kFailed;
  for (;;) {
    const auto n = receive(fd, buffer, end);
    if (!n) {
      return end;
    }
    // reinterpret_cast: the kernel wrote the header there.
    const auto& header = *reinterpret_cast<const fuse_in_header*>(buffer.bytes.data());
    if (*n < sizeof header || header.len != *n) {
      return ConnectionEnd::kFailed;
    }
    if (!wants_answer(header.opcode)) {
      continue;
    }
    const FuseRequest request{
        .opcode = header.opcode,
        .node = header.nodeid,
        .body = std::span<const std::byte>(buffer.bytes).first(*n).subspan(sizeof header)};
    observer.begin();
    const FuseAnswer answer =
        header.opcode == FUSE_INIT ? initialize(request, init) : handler.handle(request);
    observer.end();
    if (!reply(fd, header.unique, answer)) {
      return errno == ENODEV ? ConnectionEnd::kUnmounted : ConnectionEnd::kFailed;
    }
  }
}

}  // namespace mosb::verity
