#include "mosb/manifest/update.h"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using namespace mosb::manifest;  // NOLINT(google-build-using-namespace): the part under test

namespace {

Target target(const std::string& name, const std::string& version) {
  Target out;
  out.service_name = name;
  out.source = "oci:/x:1";
  out.version = version;
  return out;
}

Manifest manifest(UpdateType type, std::vector<Target> targets) {
  Manifest out;
  out.product = "p";
  out.update_type = type;
  out.targets = std::move(targets);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a complete manifest removes the services that it does not list", "[manifest]") {
  const Manifest current =
      manifest(UpdateType::kComplete, {target("a", "1"), target("b", "1"), target("c", "1")});
  const Manifest incoming =
      manifest(UpdateType::kComplete, {target("d", "1"), target("b", "2"), target("a", "1")});
  CHECK(diff(current, incoming) == Update{{"d"}, {"b"}, {"a"}, {"c"}, {}});
  CHECK(merge(current, incoming) == incoming);
}

TEST_CASE("a partial manifest leaves the services that it does not list", "[manifest]") {
  const Manifest current = manifest(UpdateType::kComplete, {target("a", "1"), target("b", "1")});
  const Manifest incoming = manifest(UpdateType::kPartial, {target("b", "2")});
  CHECK(diff(current, incoming) == Update{{}, {"b"}, {}, {}, {"a"}});
  const Manifest merged = merge(current, incoming);
  REQUIRE(merged.targets.size() == 2);
  CHECK(merged.targets[0] == target("b", "2"));
  CHECK(merged.targets[1] == target("a", "1"));
  CHECK(diff(merged, merged).changed.empty());
}

TEST_CASE("a change of a volume changes the services that mount it, and no others", "[manifest]") {
  Manifest current = manifest(UpdateType::kComplete, {target("a", "1"), target("b", "1")});
  current.storage = {Volume{"data", false, {}, {}}, Volume{"other", false, {}, {}}};
  current.targets[0].storage = {{"/d", "data", false}};
  Manifest incoming = current;
  incoming.storage[0].persistent = true;
  incoming.storage[1].persistent = true;
  CHECK(diff(current, incoming).changed == Names{"a"});
  CHECK(diff(current, incoming).unchanged == Names{"b"});
}

TEST_CASE("a merged manifest keeps the volumes of the services that stay", "[manifest]") {
  Manifest current = manifest(UpdateType::kComplete, {target("a", "1")});
  current.version = 2;
  current.storage = {Volume{"data", true, {}, {}}};
  current.targets[0].storage = {{"/d", "data", false}};
  const Manifest merged = merge(current, manifest(UpdateType::kPartial, {target("b", "1")}));
  REQUIRE(merged.storage.size() == 1);
  CHECK(merged.storage[0].label == "data");
  CHECK(merged.version == 2);
}
