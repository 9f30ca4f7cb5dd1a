#include "lxc/log_file.h"

#include <chrono>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/temp_dir.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

class HandClock final : public Clock {
 public:
  SystemTime time{std::chrono::seconds(1'700'000'000)};
  SystemTime now() const override { return time; }
  SystemTime earliest() const override { return {}; }
};

struct Place {
  HandClock clock;
  TempDir dir = *TempDir::make("/tmp", "mosb-log-test-");
  std::string path = dir.path() + "/service.log";
  std::string text(const std::string& suffix = "") const {
    const auto bytes = read_file(path + suffix, ByteCount{kMiB});
    return bytes ? *bytes : "(none)";
  }
  std::string times(const std::string& suffix = "") const { return text(log_times_name(suffix)); }
};

void append(LogFile& log, int stream, const std::string& text) {
  log.append(stream, text);
}

}  // namespace

TEST_CASE("lines of two streams do not mix", "[lxc]") {
  const Place place;
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock);
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
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock);
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
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock);
  using std::string_literals::operator""s;
  append(*log, 1, "\x1b[31m\0\xff\r\n"s);
  CHECK(place.text() == "\x1b[31m\0\xff\r\n"s);
}

TEST_CASE("a log that is full is rotated between lines and the oldest goes", "[lxc]") {
  const Place place;
  auto log = LogFile::open({place.path, ByteCount{100}, 2}, place.clock);
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
  auto log = LogFile::open({place.path, ByteCount{4096}, 1}, place.clock);
  append(*log, 1, std::string(20000, 'y') + "\nend\n");
  CHECK(place.text().size() <= 4096);
  CHECK(place.text().find("end\n") != std::string::npos);
}

TEST_CASE("a log that is opened again goes on where it was, for root alone", "[lxc]") {
  const Place place;
  for (const std::string line : {"one\n", "two\n"}) {
    auto log = LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock);
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
  CHECK_FALSE(LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock));
}

TEST_CASE("when a log reached a size is noted beside it, not with each line", "[lxc]") {
  using namespace std::chrono_literals;
  Place place;
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock);
  const std::string line = std::string(299, 'x') + "\n";
  append(*log, 1, line);
  append(*log, 1, line);
  place.clock.time += 1s;
  append(*log, 1, line);
  place.clock.time += 1s;
  append(*log, 1, "short\n");
  append(*log, 1, "short\n");
  place.clock.time += 9s;
  append(*log, 1, "short\n");
  CHECK(place.times() == "1700000000 0\n1700000001 600\n1700000002 900\n");
  // The next one with few bytes comes after ten seconds, or at once where the clock was set back.
  place.clock.time += 1s;
  append(*log, 1, "short\n");
  place.clock.time -= 60s;
  append(*log, 1, "short\n");
  CHECK(place.times() ==
        "1700000000 0\n1700000001 600\n1700000002 900\n1700000012 918\n1699999952 924\n");
}

TEST_CASE(
    "the times of a log are rotated with it, and those of no other file are taken for its own",
    "[lxc]") {
  using namespace std::chrono_literals;
  Place place;
  const std::string line = std::string(49, 'x') + "\n";
  auto log = LogFile::open({place.path, ByteCount{100}, 2}, place.clock);
  for (int i = 0; i < 4; ++i) {
    append(*log, 1, line);
    place.clock.time += 20s;
  }
  CHECK(place.times(".1") == "1700000000 0\n1700000020 50\n");
  CHECK(place.times() == "1700000040 0\n1700000060 50\n");
  REQUIRE(::unlink((place.path + ".times").c_str()) == 0);
  append(*log, 1, line);
  CHECK(place.times() == "1700000080 0\n");
  CHECK(place.times(".1") == "(none)");
  CHECK(place.times(".2") == "1700000000 0\n1700000020 50\n");
}

TEST_CASE("a log without times, or whose times a crash cut, is written on", "[lxc]") {
  Place place;
  REQUIRE(write_file_atomic(place.path + ".times", "1600000000 0\n16000", 0600));
  {
    auto log = LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock);
    append(*log, 1, "a line\n");
  }
  CHECK(place.times() == "1600000000 0\n16000\n1700000000 0\n");
  REQUIRE(::unlink((place.path + ".times").c_str()) == 0);
  REQUIRE(::mkdir((place.path + ".times").c_str(), 0700) == 0);
  auto log = LogFile::open({place.path, ByteCount{kMiB}, 1}, place.clock);
  append(*log, 1, "another\n");
  CHECK(place.text() == "a line\nanother\n");
}
