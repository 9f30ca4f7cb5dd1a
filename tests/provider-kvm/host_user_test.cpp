#include "provider-kvm/host_user.h"

#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"

using namespace mosb;       // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;  // NOLINT(google-build-using-namespace): the part under test

namespace {

/// As the kernel prints it, of a process that is what it should be.
const std::string kConfined =
    "Name:\tqemu\nUid:\t61184\t61184\t61184\t61184\nGid:\t61184\t61184\t61184\t61184\n"
    "Groups:\t61184 \nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
    "CapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n"
    "NoNewPrivs:\t1\nSeccomp:\t2\n";

std::string with(const std::string& old, const std::string& now) {
  std::string text = kConfined;
  text.replace(text.find(old), old.size(), now);
  return text;
}

}  // namespace

TEST_CASE("a process is confined only if each of its rights is gone", "[provider-kvm]") {
  must(check_confined(kConfined, 61184));
  must(check_confined(with("Groups:\t61184 ", "Groups:\t"), 61184));
  const std::string one = "0000000000200000";
  const std::string zero = "0000000000000000";
  for (const std::string& status : {std::string(),
                                    with("Uid:\t61184", "Uid:\t0"),
                                    with("61184\nGid", "0\nGid"),
                                    with("Gid:\t61184", "Gid:\t0"),
                                    with("Groups:\t61184", "Groups:\t0 61184"),
                                    with("CapInh:\t" + zero, "CapInh:\t" + one),
                                    with("CapPrm:\t" + zero, "CapPrm:\t" + one),
                                    with("CapEff:\t" + zero, "CapEff:\t" + one),
                                    with("CapAmb:\t" + zero, "CapAmb:\t" + one),
                                    with("CapEff:", "CapXyz:"),
                                    with("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
                                    with("NoNewPrivs:", "NewPrivs:")}) {
    CAPTURE(status);
    const auto checked = check_confined(status, 61184);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code() == Errc::kBoot);
  }
  CHECK_FALSE(check_confined(kConfined, 61185));
}

TEST_CASE("a process of root is not taken for a confined one", "[provider-kvm]") {
  CHECK_FALSE(check_confined_process(::getpid(), kFirstUser));
}

TEST_CASE("the first free user from the wanted one on is taken, around the end", "[provider-kvm]") {
  const auto none = [](std::uint32_t) { return false; };
  CHECK(must(first_free_user(0, none)) == kFirstUser);
  CHECK(must(first_free_user(kLastUser - kFirstUser, none)) == kLastUser);
  CHECK(must(first_free_user(kLastUser - kFirstUser + 1, none)) == kFirstUser);
  CHECK(must(first_free_user(4, [](std::uint32_t id) { return id == kFirstUser + 4; })) ==
        kFirstUser + 5);
  CHECK(must(first_free_user(kLastUser - kFirstUser,
                             [](std::uint32_t id) { return id == kLastUser; })) == kFirstUser);
  const auto all = first_free_user(0, [](std::uint32_t) { return true; });
  REQUIRE_FALSE(all);
  CHECK(all.error().code() == Errc::kResource);
}

TEST_CASE("a name has the same user each time, and another name another", "[provider-kvm]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-"));
  const auto chosen = [&](const std::string& name) {
    return must(choose_user(name, dir.path() + "/users")).id;
  };
  CHECK(chosen("mosb-1/machines/a") == chosen("mosb-1/machines/a"));
  CHECK(chosen("mosb-1/machines/a") != chosen("mosb-1/machines/b"));
  CHECK(chosen("mosb-1/machines/a") != chosen("mosb-2/machines/a"));
}
