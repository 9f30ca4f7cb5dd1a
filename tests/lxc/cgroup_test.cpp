#include "mosb/base/cgroup.h"

#include <chrono>
#include <csignal>

#include <catch2/catch.hpp>

#include "lxc/run_record.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"

using namespace mosb;
using namespace std::chrono_literals;

namespace {

std::string new_name() {
  return "mosb-" + lxc::new_run_id().substr(0, 8) + "/monitors/box/run";
}

}  // namespace

TEST_CASE("a child is born in its cgroup, in every hierarchy", "[lxc]") {
  const auto cgroup = Cgroup::create(new_name());
  REQUIRE(cgroup);
  const auto entrance = cgroup->entrance();
  REQUIRE(entrance);
  sys::Pipe pipe = *sys::pipe();
  const auto child = spawn({.argv = {"/bin/cat", "/proc/self/cgroup"},
                            .fds = {-1, pipe.write.get(), -1},
                            .cgroup = &*entrance});
  REQUIRE(child);
  pipe.write.reset();
  std::string text(65536, '\0');
  const auto n = sys::read(pipe.read.get(), std::as_writable_bytes(std::span(text)));
  REQUIRE(n);
  CHECK(*wait_for(*child, 10s) == std::optional<int>(0));
  const auto paths = parse_cgroup_membership(std::string_view(text).substr(0, *n));
  std::size_t entered = 0;
  for (const auto& [controller, path] : paths) {
    entered += path == "/" + cgroup->name() ? 1U : 0U;
  }
  INFO(text);
  CHECK(entered >= entrance->tasks.size() + (entrance->directory.is_open() ? 1U : 0U));
  CHECK(entered > 0);
  CHECK(cgroup->remove());
  CHECK_FALSE(cgroup->exists());
}

TEST_CASE("a child whose cgroup is gone is not started", "[lxc]") {
  const auto cgroup = Cgroup::create(new_name());
  REQUIRE(cgroup);
  const auto entrance = cgroup->entrance();
  REQUIRE(entrance);
  REQUIRE(cgroup->remove());
  const auto child = spawn({.argv = {"/bin/true"}, .fds = {-1, -1, -1}, .cgroup = &*entrance});
  REQUIRE_FALSE(child);
  CHECK(child.error().code() == Errc::kRuntime);
  CHECK(child.error().message().find(cgroup->name()) != std::string::npos);
  CHECK_FALSE(child.error().hint().empty());
}
