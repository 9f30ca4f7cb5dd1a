#include "mosb/trust/crl.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/digest.h"
#include "mosb/trust/crl_cache.h"
#include "tests/trust/revocation_world.h"

namespace mosb::trust {
namespace {

using test::kByCrl;
using test::kCrl;
using test::must;
using test::World;

/// NULL, which is the value of none of them.
constexpr char kMalformed[] = "DER:05:00";
constexpr long kKeyCompromise = 1;

TEST_CASE("a CRL with an extension that does not decode, or stands twice, does not count",
          "[trust]") {
  World world(kByCrl);
  const auto verdict = [&](const test::Extensions& extensions) {
    world.served[kCrl] =
        test::make_crl({.issuer = &world.root, .number = {}, .extensions = extensions});
    return world.verdict();
  };
  for (const auto& [nid, value] :
       {std::pair(NID_issuing_distribution_point, "critical,onlyuser:TRUE"),
        std::pair(NID_crl_number, "DER:02:01:07")}) {
    INFO(OBJ_nid2ln(nid));
    CHECK(verdict({{nid, value}}) == "good");
    CHECK(verdict({{nid, value}, {nid, value}}).find("malformed extension") != std::string::npos);
    CHECK(world.undetermined());
  }
  for (const int nid :
       {NID_issuing_distribution_point, NID_crl_number, NID_delta_crl, NID_freshest_crl}) {
    INFO(OBJ_nid2ln(nid));
    CHECK(verdict({{nid, kMalformed}}).find("malformed extension") != std::string::npos);
    CHECK(world.undetermined());
  }
}

TEST_CASE("a revoked entry whose reason or date of invalidity is none leaves it open", "[trust]") {
  World world(kByCrl);
  const auto serve = [&](const test::RevokedRecipe& entry) {
    world.served[kCrl] = test::make_crl({.issuer = &world.root, .revoked = {entry}});
  };
  serve({.identity = &world.leaf, .reason = kKeyCompromise});
  REQUIRE(world.revoked());
  serve({.identity = &world.leaf, .extensions = {{NID_crl_reason, kMalformed}}});
  CHECK(world.verdict().find("malformed reason") != std::string::npos);
  CHECK(world.undetermined());
  serve({.identity = &world.leaf,
         .reason = kKeyCompromise,
         .extensions = {{NID_invalidity_date, kMalformed}}});
  CHECK(world.verdict().find("malformed invalidity date") != std::string::npos);
  CHECK(world.undetermined());
}

TEST_CASE("an extension of a revoked entry that nobody knows matters only where it is critical",
          "[trust]") {
  World world(kByCrl);
  const auto serve = [&](const char* value) {
    world.served[kCrl] =
        test::make_crl({.issuer = &world.root,
                        .revoked = {{.identity = &world.leaf,
                                     .reason = kKeyCompromise,
                                     .extensions = {{NID_hold_instruction_code, value}}}}});
  };
  serve("DER:06:01:2A");
  CHECK(world.revoked());
  serve("critical,DER:06:01:2A");
  CHECK(world.undetermined());
}

/// Makes a folder the root of this process while it lives.
class OtherRoot {
 public:
  explicit OtherRoot(const std::string& dir) {
    REQUIRE(root_ >= 0);
    REQUIRE(working_dir_ >= 0);
    REQUIRE(::chroot(dir.c_str()) == 0);
  }
  ~OtherRoot() {
    // What comes next would run in the wrong place.
    if (::fchdir(root_) != 0 || ::chroot(".") != 0 || ::fchdir(working_dir_) != 0) {
      std::abort();
    }
    ::close(root_);
    ::close(working_dir_);
  }
  OtherRoot(const OtherRoot&) = delete;
  OtherRoot& operator=(const OtherRoot&) = delete;
  OtherRoot(OtherRoot&&) = delete;
  OtherRoot& operator=(OtherRoot&&) = delete;

 private:
  int root_ = ::open("/", O_PATH | O_CLOEXEC);
  int working_dir_ = ::open(".", O_PATH | O_CLOEXEC);
};

TEST_CASE("without a folder no CRL is kept, and none that lies at the root is found", "[trust]") {
  if (::geteuid() != 0) {
    std::puts("SKIP without a folder no CRL is kept: only root can have another root");
    return;
  }
  World world(kByCrl);
  const std::string crl = test::make_crl({.issuer = &world.root});
  const CrlBundle bundle{must(Crl::parse(as_bytes(crl))), {}};
  const CrlCache with_folder(world.temp.path());
  const CrlCache without("");
  const auto file_of = [](const char* url) {
    return "/crl/" + Digest::of(std::string_view(url)).hex();
  };
  constexpr char kOther[] = "http://crl.example/b.crl";
  with_folder.keep(kCrl, bundle);
  REQUIRE(with_folder.find(kCrl, world.now));
  const OtherRoot root(world.temp.path());
  REQUIRE(std::filesystem::exists(file_of(kCrl)));
  CHECK_FALSE(without.find(kCrl, world.now));
  without.keep(kOther, bundle);
  CHECK_FALSE(std::filesystem::exists(file_of(kOther)));
}

}  // namespace
}  // namespace mosb::trust
