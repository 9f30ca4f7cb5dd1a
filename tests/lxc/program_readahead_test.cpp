#include "lxc/program_readahead.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/temp_dir.h"
#include "mosb/base/unique_fd.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

constexpr std::size_t kPage = 4096;

struct Root {
  TempDir dir = *TempDir::make("/var/tmp", "mosb-readahead-test-");
  ContainerSpec spec;

  Root() {
    spec.rootfs = dir.path() + "/root";
    std::filesystem::create_directories(spec.rootfs + "/bin");
    spec.process.env = {"OTHER=/x", "PATH=relative:/sbin:/bin"};
  }

  /// A program that no page of is in memory.
  void make_program(const std::string& path) const {
    std::ofstream(spec.rootfs + path) << std::string(64 * kPage, 'p');
    const UniqueFd fd(::open((spec.rootfs + path).c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(::fsync(fd.get()) == 0);
    REQUIRE(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
    REQUIRE(pages_in_memory(path) == 0);
  }

  std::size_t pages_in_memory(const std::string& path) const {
    const UniqueFd fd(::open((spec.rootfs + path).c_str(), O_RDONLY | O_CLOEXEC));
    void* const map = ::mmap(nullptr, 64 * kPage, PROT_READ, MAP_SHARED, fd.get(), 0);
    REQUIRE(map != MAP_FAILED);
    std::vector<unsigned char> pages(64);
    REQUIRE(::mincore(map, 64 * kPage, pages.data()) == 0);
    ::munmap(map, 64 * kPage);
    return static_cast<std::size_t>(
        std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; }));
  }
};

}  // namespace

TEST_CASE("the program of a container is in memory before it runs, found as it will be", "[lxc]") {
  Root root;
  root.make_program("/bin/program");
  SECTION("by its path") {
    root.spec.process.argv = {"/bin/program"};
  }
  SECTION("along PATH") {
    root.spec.process.argv = {"program"};
  }
  SECTION("in the working directory") {
    root.spec.process.cwd = "/bin";
    root.spec.process.argv = {"./program"};
  }
  SECTION("by a symlink of the image that looks like one to the host") {
    std::filesystem::create_symlink("/bin/program", root.spec.rootfs + "/entry");
    root.spec.process.argv = {"/entry"};
  }
  read_program_ahead(root.spec);
  // The file system's reads may still be under way.
  for (int i = 0; i < 500 && root.pages_in_memory("/bin/program") < 64; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(root.pages_in_memory("/bin/program") == 64);
}

TEST_CASE("what is no program is left alone, without waiting", "[lxc]") {
  Root root;
  REQUIRE(::mkfifo((root.spec.rootfs + "/bin/pipe").c_str(), 0600) == 0);
  for (const std::string name : {"/bin/pipe", "pipe", "/bin", "/missing", "missing", ""}) {
    root.spec.process.argv = {name};
    read_program_ahead(root.spec);
  }
  root.spec.rootfs = "/nonexistent";
  read_program_ahead(root.spec);
  root.spec.process.argv.clear();
  read_program_ahead(root.spec);
}
