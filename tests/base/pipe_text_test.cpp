#include "mosb/base/pipe_text.h"

#include <chrono>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <catch2/catch.hpp>
#include <fcntl.h>

#include "mosb/base/sys.h"
#include "tests/support/must.h"

namespace mosb {
namespace {

constexpr ByteCount kLimit{8192};

void write(int fd, const std::string& text) {
  must(sys::write_all(fd, std::as_bytes(std::span(text))));
}

TEST_CASE("all that another process says is read until it closes its end", "[base]") {
  sys::Pipe pipe = must(sys::pipe());
  std::thread writer([end = std::move(pipe.write)] {
    for (int i = 0; i < 2; ++i) {
      write(end.get(), std::string(3000, 'x'));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const PipeText read =
      must(read_pipe(pipe.read.get(), kLimit, Deadline::in(std::chrono::seconds(10))));
  writer.join();
  CHECK(read.end == PipeText::End::kClosed);
  CHECK(read.text == std::string(6000, 'x'));
}

TEST_CASE("a pipe on which more comes than the limit is read no further", "[base]") {
  const sys::Pipe pipe = must(sys::pipe());
  write(pipe.write.get(), std::string(kLimit.value + 1, 'x'));
  const PipeText read =
      must(read_pipe(pipe.read.get(), kLimit, Deadline::in(std::chrono::seconds(10))));
  CHECK(read.end == PipeText::End::kTooMuch);
}

TEST_CASE("a pipe that stays open is read until the deadline", "[base]") {
  const sys::Pipe pipe = must(sys::pipe());
  write(pipe.write.get(), "half a word");
  const PipeText read =
      must(read_pipe(pipe.read.get(), kLimit, Deadline::in(std::chrono::milliseconds(20))));
  CHECK(read.end == PipeText::End::kTimeout);
  CHECK(read.text == "half a word");
}

TEST_CASE("what cannot be read is an error", "[base]") {
  const UniqueFd dir = must(sys::open("/", O_RDONLY | O_DIRECTORY));
  CHECK_FALSE(read_pipe(dir.get(), kLimit, Deadline::in(std::chrono::milliseconds(20))));
}

}  // namespace
}  // namespace mosb
