#include "lxc/log_file.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/temp_dir.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

struct Place {
  TempDir dir = *TempDir::make("/tmp", "mosb-log-test-");
  std::string path = dir.path() + "/service.log";
  std::string text(const std::string& suffix = "") const {
    const auto bytes = read_file(path + suffix, ByteCount{kMiB});
    return bytes ? *bytes : "(none)";
  }
};

void append(LogFile& log, int stream, const std::string& text) {
  log.append(stream, text);
}

}  // namespace

TEST_CASE("lines of two streams do not mix", "[lxc]") {
  const Place place;
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1});
  REQUIRE(log);
  append(*log, 1, "half of ");
  append(*log, 2, "an error\nand its ");
  append(*log, 1, "a line\n");
  append(*log, 2, "rest\n");
  CHECK(place.text() == "an error\nhalf of a line\nand its rest\n");
}

TEST_CASE("a line without an end is written when it is flushed, and stays a line of its own",
          "[lxc]") {
  const Place place;
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1});
  append(*log, 1, "password: ");
  CHECK(log->has_partial_line());
  CHECK(place.text().empty());
  log->flush();
  CHECK_FALSE(log->has_partial_line());
  CHECK(place.text() == "password: ");
  append(*log, 2, "refused\n");
  CHECK(place.text() == "password: \nrefused\n");
}

TEST_CASE("bytes of output are kept as they are", "[lxc]") {
  const Place place;
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1});
  using std::string_literals::operator""s;
  append(*log, 1, "\x1b[31m\0\xff\r\n"s);
  CHECK(place.text() == "\x1b[31m\0\xff\r\n"s);
}

TEST_CASE("a log that is full is rotated between lines and the oldest goes", "[lxc]") {
  const Place place;
  auto log = LogFile::open({place.path, ByteCount{100}, 2});
  const std::string line = std::string(29, 'x') + "\n";
  for (int i = 0; i < 20; ++i) {
    append(*log, 1, line);
  }
  for (const std::string suffix : {"", ".1", ".2"}) {
    CHECK(place.text(suffix).size() % line.size() == 0);
    CHECK(place.text(suffix).size() <= 100);
  }
  CHECK(place.text(".3") == "(none)");
}

TEST_CASE("one line longer than a whole log does not stop it", "[lxc]") {
  const Place place;
  auto log = LogFile::open({place.path, ByteCount{4096}, 1});
  append(*log, 1, std::string(20000, 'y') + "\nend\n");
  CHECK(place.text().size() <= 4096);
  CHECK(place.text().find("end\n") != std::string::npos);
}

TEST_CASE("a log that is opened again goes on where it was, for root alone", "[lxc]") {
  const Place place;
  for (const std::string line : {"one\n", "two\n"}) {
    auto log = LogFile::open({place.path, ByteCount{kMiB}, 1});
    append(*log, 1, line);
  }
  CHECK(place.text() == "one\ntwo\n");
  struct stat st {};
  REQUIRE(::stat(place.path.c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
}

TEST_CASE("a log that is a symlink or a FIFO is refused", "[lxc]") {
  const Place place;
  SECTION("symlink") {
    REQUIRE(::symlink("/etc/passwd", place.path.c_str()) == 0);
  }
  SECTION("FIFO") {
    REQUIRE(::mkfifo(place.path.c_str(), 0600) == 0);
  }
  CHECK_FALSE(LogFile::open({place.path, ByteCount{kMiB}, 1}));
}
