#include "mosb/oci/growing_file_hash.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kBuffer = 256 * kKiB;
/// To be woken for each piece that arrives would cost more than it saves.
constexpr std::uint64_t kStep = 1 * kMiB;

/// Threads that hash now. One for two processors: the other one has to write.
std::atomic<unsigned> running{0};

bool enter() {
  if (running.fetch_add(1) < std::thread::hardware_concurrency() / 2) {
    return true;
  }
  running.fetch_sub(1);
  return false;
}

}  // namespace

std::unique_ptr<GrowingFileHash> GrowingFileHash::start(int fd,
                                                        std::string path,
                                                        std::uint64_t hashed,
                                                        Hasher& hasher) {
  if (!enter()) {
    return nullptr;
  }
  try {
    return std::unique_ptr<GrowingFileHash>(
        new GrowingFileHash(fd, std::move(path), hashed, hasher));
  } catch (const std::system_error&) {
    running.fetch_sub(1);
    return nullptr;  // no thread more for this process
  }
}

GrowingFileHash::GrowingFileHash(int fd, std::string path, std::uint64_t hashed, Hasher& hasher)
    : fd_(fd), path_(std::move(path)), hashed_(hashed), size_(hashed), thread_([this] { run(); }) {
  // After the thread, which does not look at it before the first advance(): had there been no
  // thread, the caller would still need it.
  hasher_ = std::move(hasher);
}

GrowingFileHash::~GrowingFileHash() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      given_up_ = true;
    }
    more_.notify_one();
    thread_.join();
  }
  running.fetch_sub(1);
}

void GrowingFileHash::advance(std::uint64_t size) {
  bool enough = false;
  {
    const std::lock_guard lock(mutex_);
    enough = size / kStep != size_ / kStep;
    size_ = size;
  }
  if (enough) {
    more_.notify_one();
  }
}

Result<Digest> GrowingFileHash::finish() {
  {
    const std::lock_guard lock(mutex_);
    complete_ = true;
  }
  more_.notify_one();
  thread_.join();
  if (error_) {
    return *error_;
  }
  return hasher_.finish();
}

void GrowingFileHash::run() {
  for (;;) {
    std::uint64_t end = 0;
    bool last = false;
    {
      std::unique_lock lock(mutex_);
      more_.wait(lock, [&] { return given_up_ || complete_ || size_ - hashed_ >= kStep; });
      if (given_up_) {
        return;
      }
      end = size_;
      last = complete_;
    }
    if (const Status hashed = hash_up_to(end); !hashed) {
      error_ = hashed.error();
      return;
    }
    if (last) {
      return;
    }
  }
}

Status GrowingFileHash::hash_up_to(std::uint64_t end) {
  std::vector<std::byte> buffer(kBuffer);
  while (hashed_ < end) {
    const auto piece =
        std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - hashed_));
    const std::size_t n =
        MOSB_TRY(sys::pread(fd_, piece, static_cast<off_t>(hashed_)).context(quote(path_)));
    if (n == 0) {
      return Error(Errc::kResource,
                   quote(path_) + " became shorter, to " + std::to_string(hashed_) + " bytes");
    }
    hasher_.update(piece.first(n));
    hashed_ += n;
  }
  return ok();
}

}  // namespace mosb::oci
