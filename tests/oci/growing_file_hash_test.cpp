#include "mosb/oci/growing_file_hash.h"

#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/sys.h"
#include "mosb/base/unique_fd.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  unsigned seed = 7;
  for (char& c : bytes) {
    seed = seed * 1664525U + 1013904223U;
    c = static_cast<char>(seed >> 24U);
  }
  return bytes;
}

struct Fixture {
  TempDir dir = temp_dir();
  UniqueFd file =
      must(sys::open(dir.path() + "/file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  std::uint64_t size = 0;

  void append(std::string_view bytes) {
    must(sys::write_all(file.get(), std::as_bytes(std::span(bytes))));
    size += bytes.size();
  }
  std::unique_ptr<GrowingFileHash> start() {
    Hasher hasher;
    return start(hasher);
  }
  std::unique_ptr<GrowingFileHash> start(Hasher& hasher) {
    auto hash = GrowingFileHash::start(file.get(), "file", size, hasher);
    if (!hash) {
      throw std::runtime_error("these tests need two processors");
    }
    return hash;
  }
};

}  // namespace

TEST_CASE("the digest of a file that grows by pieces is that of all its bytes", "[oci]") {
  for (const std::size_t piece :
       {std::size_t{1000}, std::size_t{300'000}, std::size_t{5'000'000}}) {
    Fixture f;
    const std::string bytes = some_bytes(5'000'001);
    const auto hash = f.start();
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      f.append(std::string_view(bytes).substr(at, piece));
      hash->advance(f.size);
    }
    CHECK(must(hash->finish()) == Digest::of(bytes));
  }
}

TEST_CASE("a digest goes on after what was hashed before", "[oci]") {
  Fixture f;
  const std::string bytes = some_bytes(3'000'000);
  f.append(std::string_view(bytes).substr(0, 1'234'567));
  Hasher hasher;
  hasher.update(std::string_view(bytes).substr(0, 1'234'567));
  const auto hash = f.start(hasher);
  f.append(std::string_view(bytes).substr(1'234'567));
  hash->advance(f.size);
  CHECK(must(hash->finish()) == Digest::of(bytes));
}

TEST_CASE("what lies behind the bytes that were announced is not hashed", "[oci]") {
  Fixture f;
  const std::string bytes = some_bytes(2'000'000);
  f.append(bytes);
  f.append("more");
  f.size = 0;
  const auto hash = f.start();
  hash->advance(bytes.size());
  CHECK(must(hash->finish()) == Digest::of(bytes));
}

TEST_CASE("a file that became shorter while it was hashed has no digest", "[oci]") {
  Fixture f;
  f.append(some_bytes(100));
  const auto hash = f.start();
  hash->advance(f.size + 10'000'000);
  const auto digest = hash->finish();
  REQUIRE(!digest);
  CHECK(digest.error().code() == Errc::kResource);
  CHECK(digest.error().message().find("shorter") != std::string::npos);
}

TEST_CASE("hashing ends at once when nobody wants the digest any more", "[oci]") {
  Fixture f;
  {
    const auto hash = f.start();
    f.append(some_bytes(3'000'000));
    hash->advance(f.size);
  }
  // Its place is free again for the next one.
  CHECK(f.start() != nullptr);
}

TEST_CASE("more files than there are processors for are left to their writers", "[oci]") {
  Fixture f;
  std::vector<std::unique_ptr<GrowingFileHash>> hashes;
  for (unsigned i = 0; i < std::thread::hardware_concurrency() / 2; ++i) {
    hashes.push_back(f.start());
  }
  Hasher hasher;
  hasher.update("kept");
  CHECK(GrowingFileHash::start(f.file.get(), "file", 0, hasher) == nullptr);
  CHECK(hasher.finish() == Digest::of("kept"));
}
