#include <csignal>
#include <cstdlib>
#include <iostream>

#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/store.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

constexpr int kWriters = 8;
constexpr int kImages = 12;

std::string tag(int writer, int image) {
  return "w" + std::to_string(writer) + "-" + std::to_string(image);
}

/// In a child process: pushes images, exits with 0 if all went well.
Status push_images(const std::string& path, int writer) {
  Layout layout = MOSB_TRY(Layout::open_or_create(path));
  for (int i = 0; i < kImages; ++i) {
    const std::string content = tag(writer, i);
    const TestImage image = make_image({content});
    MOSB_CHECK(layout.push_blob(image.manifest.layers[0], BlobSource::bytes(content)));
    MOSB_CHECK(layout.push_blob(image.manifest.config, BlobSource::bytes(image.config.print())));
    MOSB_CHECK(layout.push_manifest(image.descriptor, image.bytes, content));
  }
  return ok();
}

[[noreturn]] void write_images(const std::string& path, int writer) {
  const Status pushed = push_images(path, writer);
  if (!pushed) {
    std::cerr << "writer " << writer << ": " << pushed.error().message() << "\n";
  }
  ::_exit(pushed ? 0 : 1);
}

pid_t start_writer(const std::string& path, int writer) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    write_images(path, writer);
  }
  return pid;
}

}  // namespace

TEST_CASE("processes that write to one layout at once lose none of each other's entries", "[oci]") {
  const TempDir dir = temp_dir();
  const std::string path = dir.path() + "/layout";
  std::vector<pid_t> writers;
  writers.reserve(kWriters);
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(start_writer(path, i));
  }
  for (const pid_t pid : writers) {
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  Layout layout = must(Layout::open(path));
  CHECK(must(layout.index()).manifests.size() == std::size_t{kWriters * kImages});
  for (int i = 0; i < kWriters; ++i) {
    const Reference ref{.kind = Reference::Kind::kLayout, .path = path, .tag = tag(i, kImages - 1)};
    const Descriptor found = must(layout.resolve(ref));
    CHECK(must(layout.read_manifest(found)) == make_image({*ref.tag}).bytes);
  }
}

TEST_CASE("a writer that is killed leaves a sound layout and nothing after the next opening",
          "[oci]") {
  const TempDir dir = temp_dir();
  const std::string path = dir.path() + "/layout";
  must(Layout::open_or_create(path));
  for (int round = 0; round < 25; ++round) {
    const pid_t pid = start_writer(path, round);
    // A different moment each round; whatever it hits, the outcome must be the same.
    ::usleep(static_cast<useconds_t>(300 * round));
    ::kill(pid, SIGKILL);
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    Layout layout = must(Layout::open_or_create(path));
    for (const Descriptor& entry : must(layout.index()).manifests) {
      CHECK(layout.read_manifest(entry));
    }
    for (const std::string& name : must(list_dir(path))) {
      INFO(name);
      CHECK(name.rfind(kTempPrefix, 0) != 0);
    }
  }
  // The next writer of index.json removes what a killed one left beside it.
  spit(path + "/index.json.tmp-0123", "{");
  Layout layout = must(Layout::open(path));
  const TestImage image = make_image({"last"});
  push_image(layout, image, {"last"}, "last");
  CHECK_FALSE(path_exists(path + "/index.json.tmp-0123"));
}

TEST_CASE("only temporary files without a living writer are removed", "[oci]") {
  const TempDir dir = temp_dir();
  const std::string temp = dir.path();
  BlobWriter alive = must(BlobWriter::create(temp, describe(kSquashfsLayer, "layer")));
  must(sys::mkdir(temp + "/.mosb-tmp-dir", 0700));
  must(sys::mkdir(temp + "/.mosb-tmp-busy", 0700));
  const FileLock lock = must(FileLock::acquire(lock_path_in(temp + "/.mosb-tmp-busy")));
  spit(temp + "/.mosb-tmp-dead", "half a laye");
  spit(temp + "/.mosb-tmp-dir/file", "x");
  spit(temp + "/foreign", "x");
  REQUIRE(::symlink("/etc/passwd", (temp + "/.mosb-tmp-link").c_str()) == 0);
  CHECK(must(list_dir(temp)).size() == 6);
  must(remove_abandoned(temp));
  CHECK(must(list_dir(temp)).size() == 3);
  CHECK(path_exists(temp + "/foreign"));
  CHECK(path_exists("/etc/passwd"));
  must(alive.write(std::as_bytes(std::span(std::string_view("layer")))));
  must(alive.commit(temp + "/blob", 0644));
  CHECK(slurp(temp + "/blob") == "layer");
}

TEST_CASE("a blob that is not committed leaves no file", "[oci]") {
  const TempDir dir = temp_dir();
  {
    BlobWriter writer = must(BlobWriter::create(dir.path(), describe(kSquashfsLayer, "layer")));
    must(writer.write(std::as_bytes(std::span(std::string_view("lay")))));
    CHECK(error_code(writer.commit(dir.path() + "/blob", 0644)) == Errc::kContent);
  }
  CHECK(must(list_dir(dir.path())).empty());
}
