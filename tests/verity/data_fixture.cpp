#include "tests/verity/data_fixture.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include <catch2/catch.hpp>

#include "mosb/base/file.h"
#include "verity/block.h"
#include "verity/little_endian.h"

namespace mosb::verity::test {

std::string scratch_parent() {
  return "/var/tmp";
}

std::string image_bytes(std::uint64_t data_blocks, std::uint64_t seed) {
  std::string bytes(data_blocks * kBlockSize, '\0');
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(&bytes[i], &word, sizeof word);
  }
  const auto out = std::as_writable_bytes(std::span(bytes));
  store_le<std::uint32_t>(out, 0, 0x73717368);
  store_le<std::uint32_t>(out, 12, 131072);
  store_le<std::uint16_t>(out, 20, 6);
  store_le<std::uint16_t>(out, 22, 17);
  store_le<std::uint16_t>(out, 28, 4);
  store_le<std::uint16_t>(out, 30, 0);
  store_le<std::uint64_t>(out, 40, bytes.size() - 100);
  return bytes;
}

void write_all(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  REQUIRE(file.good());
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::filesystem::file_size(path), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
  return bytes;
}

void patch(const std::string& path, std::uint64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
  file.close();
  REQUIRE(file.good());
}

void flip_bit(const std::string& path, std::uint64_t bit) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(bit / 8));
  const int old = file.get();
  file.seekp(static_cast<std::streamoff>(bit / 8));
  file.put(static_cast<char>(old ^ (1 << (bit % 8))));
  file.close();
  REQUIRE(file.good());
}

namespace {

Completed complete(const std::vector<std::string>& argv) {
  RealProcessRunner runner;
  const char* path = std::getenv("PATH");
  auto done = runner.run({.argv = argv,
                          .env = {std::string("PATH=") + (path == nullptr ? "" : path),
                                  "SOURCE_DATE_EPOCH=1700000000",
                                  "LC_ALL=C.UTF-8"},
                          .input = "",
                          .timeout = std::chrono::milliseconds(120'000)});
  if (!done) {
    FAIL(argv[0] << ": " << done.error().message());
  }
  return *std::move(done);
}

}  // namespace

std::string run(const std::vector<std::string>& argv) {
  const Completed done = complete(argv);
  INFO(argv[0] << ": " << done.out << done.err);
  REQUIRE(done.status == 0);
  return done.out;
}

int status_of(const std::vector<std::string>& argv) {
  return complete(argv).status;
}

bool have(const std::string& program, const std::string& test) {
  for (const std::string dir : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/bin/"}) {
    if (path_exists(dir + program)) {
      return true;
    }
  }
  std::printf("SKIP %s: %s is not installed\n", test.c_str(), program.c_str());
  return false;
}

MadeLayer make_layer(const std::string& path, std::uint64_t data_blocks, std::uint64_t seed) {
  write_all(path, image_bytes(data_blocks, seed));
  auto tree = append_hash_tree(path);
  if (!tree) {
    FAIL(tree.error().message());
  }
  return {.path = path, .tree = *tree};
}

LayerSource source_of(const std::string& path,
                      std::uint64_t size,
                      const RootHash& root_hash,
                      Filesystem filesystem) {
  return LayerSource{path, ByteCount{size}, root_hash, Digest::of(path), filesystem};
}

}  // namespace mosb::verity::test
