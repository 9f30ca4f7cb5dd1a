#include "lxc/init_spec.h"

#include <cerrno>
#include <cstring>

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "lxc/init_spec_layout.h"

using namespace mosb;
using namespace mosb::lxc;

TEST_CASE("an init spec holds its strings byte for byte", "[lxc]") {
  const ContainerProcess process{.argv = {"a", "", "b\nc"},
                                 .env = {"X=\xff\x01", "PEM=-----BEGIN\n-----END\n"},
                                 .cwd = "/srv",
                                 .uid = 1,
                                 .gid = 2,
                                 .groups = {3, 4}};
  const auto bytes = encode_init_spec(process);
  REQUIRE(bytes);
  InitSpecHeader header{};
  std::memcpy(&header, bytes->data(), sizeof header);
  CHECK(header.magic == kInitSpecMagic);
  CHECK(header.size == bytes->size());
  CHECK(header.group_count == 2);
  CHECK(header.argv_count == 3);
  CHECK(header.env_count == 2);
  const std::string strings = bytes->substr(sizeof header + 2 * sizeof(std::uint32_t));
  using std::string_literals::operator""s;
  CHECK(strings == "/srv\0a\0\0b\nc\0X=\xff\x01\0PEM=-----BEGIN\n-----END\n\0"s);
}

TEST_CASE("a NUL, an empty command and too much are refused", "[lxc]") {
  using std::string_literals::operator""s;
  CHECK_FALSE(encode_init_spec({}));
  CHECK_FALSE(encode_init_spec({.argv = {"a\0b"s}}));
  CHECK_FALSE(encode_init_spec({.argv = {"a"}, .env = {"A=\0"s}}));
  CHECK_FALSE(encode_init_spec({.argv = {"a"}, .env = {}, .cwd = "/\0"s}));
  CHECK_FALSE(encode_init_spec({.argv = {"a", std::string(kMaxInitSpecSize, 'x')}}));
  CHECK_FALSE(encode_init_spec({.argv = {"a"},
                                .env = {},
                                .cwd = "/",
                                .uid = 0,
                                .gid = 0,
                                .groups = std::vector<std::uint32_t>(kMaxInitGroups + 1)}));
}

TEST_CASE("a sealed init spec cannot be changed by anybody", "[lxc]") {
  const auto fd = seal_init_spec({.argv = {"a"}});
  REQUIRE(fd);
  CHECK(::pwrite(fd->get(), "x", 1, 0) < 0);
  CHECK(errno == EPERM);
  CHECK(::ftruncate(fd->get(), 0) < 0);
  void* const map = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0);
  CHECK(map == MAP_FAILED);
}
