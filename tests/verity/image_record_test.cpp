#include "verity/image_record.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

const MountEnvironment kEnvironment{"/run/mosb", "/libexec", "01234567"};

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
  ImageRecord over_verity = sample();
  over_verity.display.verifier = Verifier::kDm;
  ImageRecord with_points = plain;
  with_points.mount_points = {"/etc/hosts", "/etc/resolv.conf"};
  for (const ImageRecord& record : {sample(), over_verity, plain, with_points}) {
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

TEST_CASE("each way of showing a layer has a place of its own", "[verity]") {
  const IdRange range{700000000, 65536};
  const LayerSource squashfs = [] {
    LayerSource source = layer("a");
    source.filesystem = Filesystem::kSquashfs;
    return source;
  }();
  const auto place = [&](const LayerSource& source, bool view, Verifier verifier) {
    return place_of(kEnvironment, {range, view, verifier}, source);
  };
  const std::string dir = "/run/mosb/layers/" + squashfs.root_hash.hex();
  CHECK(place(squashfs, false, Verifier::kFuse).dir == dir);
  CHECK(place(squashfs, false, Verifier::kDm).dir == dir + "/dm");
  CHECK(place(squashfs, true, Verifier::kFuse).dir == dir + "/view-700000000-65536");
  const LayerPlace over_verity = place(squashfs, true, Verifier::kDm);
  CHECK(over_verity.dir == dir + "/dm-view-700000000-65536");
  CHECK(over_verity.has_server());
  CHECK(over_verity.has_verity());
  // No server shows erofs.
  CHECK(place(layer("a"), true, Verifier::kDm).dir == dir + "/dm");
  CHECK_FALSE(place(layer("a"), true, Verifier::kDm).has_server());
}

TEST_CASE("what lies in a layer's directory is found as the places that it is", "[verity]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-places-"));
  const MountEnvironment environment{dir.path(), "/libexec", "01234567"};
  const RootHash hash = layer("a").root_hash;
  const std::string base = kernel_place(environment, hash).dir;
  for (const char* name :
       {"mnt", "dm", "view-7-8", "dm-view-7-8", "dm-mnt", "dm-view-7", "view-x-8"}) {
    must(sys::mkdir_all(base + "/" + name, 0700));
  }
  std::vector<std::string> found;
  for (const LayerPlace& place : must(list_places(environment, hash))) {
    found.push_back(place.dir.substr(base.size()) + (place.has_server() ? " server" : "") +
                    (place.has_verity() ? " verity" : ""));
  }
  CHECK(found.back() == " server");  // the directory itself, after what lies in it
  std::sort(found.begin(), found.end());
  CHECK(found == std::vector<std::string>{
                     " server", "/dm verity", "/dm-view-7-8 server verity", "/view-7-8 server"});
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
                                 damage(R"("label")", R"("mount_points":["../x"],"label")"),
                                 damage(R"("root_hash":")", R"("root_hash":"x)")}) {
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
