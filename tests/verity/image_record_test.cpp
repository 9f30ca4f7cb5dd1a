#include "verity/image_record.h"

#include <catch2/catch.hpp>

#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

const MountEnvironment kEnvironment{
    "/run/mosb", "/libexec", "01234567", Verifier::kAuto, false, "", false};

LayerSource layer(const std::string& name) {
  return LayerSource{"",
                     ByteCount{8192},
                     RootHash(Digest::of("root " + name).bytes()),
                     Digest::of(name),
                     Filesystem::kErofs};
}

ImageRecord sample() {
  ImageRecord record;
  record.target = "/mnt/with space";
  record.layers = {{layer("a"), "7:1"}, {layer("b"), "7:2"}};
  record.display = {IdRange{700000000, 65536}, true};
  record.write = ImageMount::Write::kTmpfs;
  record.tmpfs_size = ByteCount{4096};
  return record;
}

MountTable table_with(const std::string& type, const std::string& source) {
  return must(MountTable::parse("9 1 0:9 / /mnt/with\\040space ro,nosuid,nodev - " + type + " " +
                                source + " ro,redirect_dir=nofollow\n"));
}

}  // namespace

TEST_CASE("a record survives being written and read", "[verity]") {
  ImageRecord plain = sample();
  plain.display = {};
  plain.write = ImageMount::Write::kUpper;
  plain.upper_dir = "/upper";
  plain.tmpfs_size.reset();
  ImageRecord with_points = plain;
  with_points.mount_points = {"/etc/hosts", "/etc/resolv.conf"};
  for (const ImageRecord& record : {sample(), plain, with_points}) {
    const ImageRecord read = must(ImageRecord::parse(record.print()));
    CHECK(read.print() == record.print());
    CHECK(read.display == record.display);
    CHECK(read.layers.at(1).layer.root_hash == layer("b").root_hash);
    CHECK(read.layers.at(1).layer.filesystem == Filesystem::kErofs);
    CHECK(read.upper_dir == record.upper_dir);
    CHECK(read.mount_points == record.mount_points);
  }
  // As it was before there were any.
  CHECK(plain.print().find("mount_points") == std::string::npos);
}

TEST_CASE("a damaged record is refused", "[verity]") {
  const std::string text = sample().print();
  const auto damage = [&](const std::string& from, const std::string& to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return copy;
  };
  for (const std::string& bad : {std::string(),
                                 std::string("{}"),
                                 text.substr(0, text.size() / 2),
                                 damage("\"tmpfs\"", "\"disk\""),
                                 damage("sha256:", "sha512:"),
                                 damage("700000000", "4294967296"),
                                 damage("\"label\"", "\"mount_points\":[\"../x\"],\"label\""),
                                 damage("\"root_hash\":\"", "\"root_hash\":\"x")}) {
    INFO(bad);
    const auto record = ImageRecord::parse(bad);
    REQUIRE_FALSE(record);
    CHECK(record.error().code() == Errc::kState);
  }
}

TEST_CASE("a record counts only with the mount that was made from exactly it", "[verity]") {
  const std::string text = sample().print();
  const std::string source = overlay_source(kEnvironment, text);
  CHECK(live_image_of(kEnvironment, text, table_with("overlay", source)));
  CHECK_FALSE(live_image_of(kEnvironment, text + " ", table_with("overlay", source)));
  CHECK_FALSE(live_image_of(kEnvironment, text, table_with("tmpfs", source)));
  CHECK_FALSE(live_image_of(kEnvironment, text, table_with("overlay", "overlay")));
  MountEnvironment other = kEnvironment;
  other.instance = "76543210";
  CHECK_FALSE(live_image_of(other, text, table_with("overlay", source)));
}
