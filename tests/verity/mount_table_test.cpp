#include "verity/mount_table.h"

#include <array>

#include <catch2/catch.hpp>

#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::verity;

TEST_CASE("a line of mountinfo is read with all its fields", "[verity]") {
  const MountTable table = must(MountTable::parse(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=x\n"
      "37 36 0:57 / /with\\040space\\134 ro,nosuid - overlay mosb-01234567:ab ro,lowerdir=/a\n"));
  REQUIRE(table.entries().size() == 2);
  const MountEntry& first = table.entries()[0];
  CHECK(first.id == 36);
  CHECK(first.parent == 35);
  CHECK(first.device == "98:0");
  CHECK(first.mount_point == "/mnt2");
  CHECK(first.type == "ext3");
  CHECK(first.source == "/dev/root");
  CHECK(first.has_option("noatime"));
  CHECK_FALSE(first.has_option("no"));
  CHECK(first.has_super_option("errors=x"));
  CHECK(table.entries()[1].mount_point == "/with space\\");
}

TEST_CASE("of mounts at one path the topmost is found, whatever the order of the lines",
          "[verity]") {
  const std::string lowest = "10 1 8:1 / /m rw - ext4 low rw\n";
  const std::string middle = "20 10 8:2 / /m rw - ext4 mid rw\n";
  const std::string top = "5 20 8:3 / /m rw - ext4 top rw\n";
  const std::string other = "30 5 8:4 / /m/below rw - ext4 below rw\n";
  for (const std::string& text : {lowest + middle + top + other,
                                  other + top + middle + lowest,
                                  middle + lowest + other + top}) {
    const MountTable table = must(MountTable::parse(text));
    REQUIRE(table.top_at("/m") != nullptr);
    CHECK(table.top_at("/m")->source == "top");
    CHECK(table.top_at("/m/below")->source == "below");
    CHECK(table.top_at("/") == nullptr);
  }
}

TEST_CASE("the root of all mounts, which is its own parent, is found", "[verity]") {
  const MountTable table = must(MountTable::parse("1 1 0:2 / / rw - rootfs rootfs rw\n"));
  REQUIRE(table.top_at("/") != nullptr);
  CHECK(table.top_at("/")->type == "rootfs");
  const MountTable covered =
      must(MountTable::parse("20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                             "1 1 0:2 / / rw - rootfs rootfs rw\n"));
  REQUIRE(covered.top_at("/") != nullptr);
  CHECK(covered.top_at("/")->type == "ext4");
}

TEST_CASE("text that is no mountinfo is refused", "[verity]") {
  const std::array<const char*, 5> texts{"36 35 98:0 / /mnt rw ext3 /dev/root rw\n",
                                         "36 35 98:0 / /mnt rw -\n",
                                         "x 35 98:0 / /mnt rw - ext3 /dev/root rw\n",
                                         "36 -1 98:0 / /mnt rw - ext3 /dev/root rw\n",
                                         "36\n"};
  for (const char* text : texts) {
    INFO(text);
    const auto table = MountTable::parse(text);
    REQUIRE_FALSE(table);
    CHECK(table.error().code() == Errc::kHost);
  }
  CHECK(must(MountTable::parse("")).entries().empty());
}

TEST_CASE("a line longer than a page is read whole", "[verity]") {
  const std::string layers(100'000, 'l');
  const MountTable table =
      must(MountTable::parse("1 0 0:1 / /m ro - overlay o ro,lowerdir=" + layers + ",x=y\n"));
  CHECK(table.entries()[0].has_super_option("lowerdir=" + layers));
  CHECK(table.entries()[0].has_super_option("x=y"));
}
