#include "verity/mount_plan.h"

#include <catch2/catch.hpp>
#include <sys/mount.h>

#include "tests/support/must.h"
#include "tests/verity/named_layer.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

using Write = ImageMount::Write;

std::vector<std::string> digests(const std::vector<LayerSource>& layers) {
  std::vector<std::string> out;
  for (const LayerSource& one : layers) {
    out.push_back(one.digest.str());
  }
  return out;
}

MountEntry squashfs() {
  MountEntry mount;
  mount.type = "squashfs";
  mount.device = "7:3";
  mount.source = "/dev/loop3";
  mount.options = {"ro", "nosuid", "nodev", "relatime"};
  return mount;
}

LayerFacts healthy(const LayerSource& of) {
  return LayerFacts{squashfs(),
                    LoopFacts{loop_tag(of.root_hash.hex()), ByteCount{4096}, true, true},
                    ServerState{true, 0, ""},
                    std::nullopt};
}

/// The same over dm-verity.
LayerFacts over_verity(const LayerSource& of) {
  const Geometry geometry = must(Geometry::of_layer_size(of.size));
  const std::string blocks = std::to_string(geometry.data_blocks);
  const std::string start = std::to_string(geometry.superblock_block() + 1);
  LayerFacts facts{squashfs(),
                   LoopFacts{loop_tag(of.root_hash.hex()), of.size, true, true},
                   ServerState{},
                   VerityFacts{"254:0",
                               true,
                               false,
                               "verity",
                               0,
                               geometry.data_blocks * 8,
                               "1 7:3 7:3 4096 4096 " + blocks + " " + start + " sha256 " +
                                   of.root_hash.hex() + " " + std::string(64, '5')}};
  facts.mount->device = "254:0";
  return facts;
}

MountEntry overlay() {
  MountEntry mount;
  mount.type = "overlay";
  mount.options = {"ro", "nosuid", "nodev", "relatime"};
  mount.super_options = {"ro", "lowerdir=x", "redirect_dir=nofollow"};
  return mount;
}

}  // namespace

TEST_CASE("of a layer that an image has twice only the upper one is mounted", "[verity]") {
  const ImageMount image{{layer("a"), layer("b"), layer("a"), layer("c")}, "/t"};
  CHECK(digests(must(layers_to_mount(image))) == digests({layer("b"), layer("a"), layer("c")}));
}

TEST_CASE("an image that cannot be mounted as asked is refused", "[verity]") {
  ImageMount image{{layer("a")}, "/t"};
  REQUIRE(layers_to_mount(image));
  SECTION("no layers") {
    image.layers.clear();
  }
  SECTION("too many layers") {
    image.layers.assign(kMaxLayers + 1, layer("a"));
  }
  SECTION("an upper directory that is not used") {
    image.upper_dir = "/u";
  }
  SECTION("an upper directory that is missing") {
    image.write = Write::kUpper;
  }
  SECTION("a size of nothing") {
    image.tmpfs_size = ByteCount{1};
  }
  SECTION("mount points that are no plain paths") {
    image.mount_points = {GENERATE(
        "", "/", "etc/hosts", "/etc/", "//etc", "/etc/../x", "/./x", "/a\nb", "/\xff", "/\x7f")};
  }
  SECTION("a mount point below another") {
    image.mount_points = {"/etc/hosts", "/etc"};
  }
  SECTION("mount points that are too long, too deep or too many") {
    const std::string name(256, 'x');
    std::string deep;
    std::vector<std::string> many;
    for (int i = 0; i < 17; ++i) {
      deep += "/d";
      many.push_back("/" + std::to_string(i));
    }
    std::string text;
    for (int i = 0; i < 5; ++i) {
      text += "/" + name.substr(1);
    }
    for (const auto& paths :
         {std::vector{"/" + name}, std::vector{deep}, std::vector{text}, many}) {
      image.mount_points = paths;
      CHECK(layers_to_mount(image).error().code() == Errc::kUsage);
    }
  }
  SECTION("a target that is not UTF-8") {
    image.target = "/\xff";
  }
  CHECK(layers_to_mount(image).error().code() == Errc::kUsage);
}

TEST_CASE("a layer is reused only if everything about its mount is right", "[verity]") {
  const LayerSource a = layer("a");
  LayerFacts facts = healthy(a);
  REQUIRE(kernel_complaint(facts, a).empty());
  SECTION("it is not mounted") {
    facts.mount.reset();
  }
  SECTION("another file system") {
    facts.mount->type = "ext4";
  }
  SECTION("writable") {
    facts.mount->options[0] = "rw";
  }
  SECTION("with set-uid") {
    facts.mount->options[1] = "relatime";
  }
  SECTION("with devices") {
    facts.mount->options[2] = "relatime";
  }
  SECTION("on no loop device") {
    facts.loop.reset();
  }
  SECTION("on a device for another layer") {
    facts.loop->tag = loop_tag(layer("b").root_hash.hex());
  }
  SECTION("on a device of another size") {
    facts.loop->size_limit.value += 4096;
  }
  SECTION("on a writable device") {
    facts.loop->read_only = false;
  }
  SECTION("on a device that stays") {
    facts.loop->autoclear = false;
  }
  SECTION("its server is gone") {
    facts.server.alive = false;
  }
  SECTION("corrupt blocks were read") {
    facts.server.corrupt_blocks = 1;
  }
  const std::string complaint = kernel_complaint(facts, a);
  CHECK_FALSE(complaint.empty());
  CHECK(plan_layer(a, {}, facts, complaint).action ==
        (facts.mount ? LayerAction::kReplace : LayerAction::kMount));
}

TEST_CASE("a layer over dm-verity is reused only if the whole device is right", "[verity]") {
  const LayerSource a = layer("a");
  const auto geometry = must(Geometry::of_layer_size(a.size));
  const std::string salt(64, '5');
  const std::string blocks = std::to_string(geometry.data_blocks);
  const std::string start = std::to_string(geometry.data_blocks + 1);
  const auto table = [&](const std::string& devices, const std::string& rest) {
    return "1 " + devices + " " + rest;
  };
  const std::string good = "4096 4096 " + blocks + " " + start + " sha256 " + a.root_hash.hex();
  LayerFacts facts = over_verity(a);
  REQUIRE(verity_complaint(facts, a).empty());
  CHECK(data_loop(*facts.verity) == 3);
  SECTION("it is not mounted") {
    facts.mount.reset();
  }
  SECTION("another file system") {
    facts.mount->type = "ext4";
  }
  SECTION("with set-uid") {
    facts.mount->options[1] = "relatime";
  }
  SECTION("on another device") {
    facts.mount->device = "254:1";
  }
  SECTION("on no device of its own") {
    facts.verity.reset();
  }
  SECTION("on a device for another layer") {
    facts.verity->table = table(
        "7:3 7:3",
        "4096 4096 " + blocks + " " + start + " sha256 " + layer("b").root_hash.hex() + " " + salt);
  }
  SECTION("that lets faults pass") {
    facts.verity->table += " 1 ignore_corruption";
  }
  SECTION("that looks at each block only once") {
    facts.verity->table += " 1 check_at_most_once";
  }
  SECTION("with its hashes elsewhere") {
    facts.verity->table = table("7:3 7:4", good + " " + salt);
  }
  SECTION("with its tree from another place on") {
    facts.verity->table =
        table("7:3 7:3",
              "4096 4096 " + blocks + " 1" + start + " sha256 " + a.root_hash.hex() + " " + salt);
  }
  SECTION("over less data") {
    facts.verity->table =
        table("7:3 7:3", "4096 4096 0 " + start + " sha256 " + a.root_hash.hex() + " " + salt);
  }
  SECTION("without a salt") {
    facts.verity->table = table("7:3 7:3", good + " -");
  }
  SECTION("with another algorithm") {
    facts.verity->table = table(
        "7:3 7:3", "4096 4096 " + blocks + " " + start + " sha1 " + a.root_hash.hex() + " " + salt);
  }
  SECTION("not from its beginning") {
    facts.verity->start_sector = 8;
  }
  SECTION("longer than the data") {
    facts.verity->sectors += 8;
  }
  SECTION("of another type, or of several parts") {
    facts.verity->target_type = GENERATE(as<std::string>{}, "linear", "");
  }
  SECTION("writable") {
    facts.verity->read_only = false;
  }
  SECTION("over a device for another layer") {
    facts.loop->tag = loop_tag(layer("b").root_hash.hex());
  }
  SECTION("over no loop device") {
    facts.verity->table = table("8:3 8:3", good + " " + salt);
    facts.loop.reset();
    CHECK_FALSE(data_loop(*facts.verity));
  }
  SECTION("over a writable device") {
    facts.loop->read_only = false;
  }
  SECTION("corrupt blocks were read") {
    facts.verity->corrupt = true;
    CHECK(plan_layer(a, {}, facts, "x").was_corrupt);
  }
  CHECK_FALSE(verity_complaint(facts, a).empty());
}

TEST_CASE("a device whose root hash is signed is told from one without by its table", "[verity]") {
  const LayerSource plain = layer("a");
  const LayerSource signed_one = signed_layer("a");
  LayerFacts facts = over_verity(plain);
  const std::string table = facts.verity->table;
  const std::string option = " root_hash_sig_key_desc cryptsetup:mosb-x";
  CHECK(verity_complaint(facts, plain).empty());
  CHECK_FALSE(has_checked_signature(facts));
  // Without the kernel's word for it the layer is not taken for checked.
  CHECK_THAT(verity_complaint(facts, signed_one), Catch::Contains("another table"));
  facts.verity->table = table + " 2" + option;
  CHECK(verity_complaint(facts, signed_one).empty());
  CHECK(has_checked_signature(facts));
  CHECK(data_loop(*facts.verity) == 3);
  // More than was asked for.
  CHECK(verity_complaint(facts, plain).empty());
  for (const std::string& words : {" 1" + option,
                                   " 3 ignore_corruption" + option,
                                   " 3" + option + " ignore_corruption",
                                   " 3 check_at_most_once" + option,
                                   std::string(" 2 root_hash_sig_key_desc "),
                                   std::string(" 2 root_hash_sig_key_desc"),
                                   std::string(" 2 use_fec_from_device 7:4"),
                                   " 4" + option + option}) {
    INFO(words);
    facts.verity->table = table + words;
    CHECK_FALSE(verity_complaint(facts, plain).empty());
    CHECK_FALSE(verity_complaint(facts, signed_one).empty());
    CHECK_FALSE(has_checked_signature(facts));
  }
  facts.verity->table = table + " 2" + option;
  facts.verity->target_type = "linear";
  CHECK_FALSE(has_checked_signature(facts));
  facts.verity.reset();
  CHECK_FALSE(has_checked_signature(facts));
}

TEST_CASE("a verity target is corrupt once it says so, whatever else it says", "[verity]") {
  CHECK_FALSE(is_corrupt_status("V"));
  // Linux 6.19 and later: how many blocks error correction mended.
  CHECK_FALSE(is_corrupt_status("V -"));
  CHECK_FALSE(is_corrupt_status("V 0"));
  for (const char* status : {"C", "C -", "", "X", "VC"}) {
    INFO(status);
    CHECK(is_corrupt_status(status));
  }
}

TEST_CASE("what is noted of a device's bad blocks counts for that device only", "[verity]") {
  const std::string text = print_block_notes("mosb-a-1", {3, 77});
  CHECK(parse_block_notes(text, "mosb-a-1") == std::vector<std::uint64_t>{3, 77});
  CHECK(parse_block_notes("mosb-a-1\n", "mosb-a-1") == std::vector<std::uint64_t>{});
  CHECK_FALSE(parse_block_notes(text, "mosb-a-2"));
  std::string many = "d\n";
  for (int i = 0; i < 17; ++i) {
    many += std::to_string(i) + "\n";
  }
  for (const std::string& bad : {std::string(),
                                 std::string("d"),
                                 std::string("d\n3"),
                                 std::string("d\n-1\n"),
                                 std::string("d\n\n"),
                                 std::string("d\nx\n"),
                                 many}) {
    INFO(bad);
    CHECK_FALSE(parse_block_notes(bad, "d"));
  }
}

TEST_CASE("a layer whose file reads well again is said to", "[verity]") {
  LayerState state{layer("a").digest, layer("a").root_hash, "/dev/dm-0", true, "corrupt"};
  state.silent_fault = SilentFault{"mosb-a-1", "/notes"};
  SECTION("bad blocks were found") {
    add_bad_blocks(state, {5});
    CHECK(state.detail == "corrupt");
    CHECK(state.bad_blocks == std::vector<std::uint64_t>{5});
  }
  SECTION("none were found") {
    add_bad_blocks(state, {});
    CHECK_THAT(state.detail, Catch::Contains("read again, all blocks of its file were right"));
  }
  CHECK_FALSE(state.silent_fault);
}

TEST_CASE("a plan reads as what will be done and why", "[verity]") {
  const LayerSource a = layer("a");
  CHECK(to_string(plan_layer(a, {}, healthy(a), "")) == "reuse layer " + a.digest.str());
  CHECK(to_string(plan_layer(a, {}, {}, "it is not mounted")) ==
        "mount layer " + a.digest.str() + " (it is not mounted)");
}

TEST_CASE("a server's view is reused only for the same layer of the same size", "[verity]") {
  LayerFacts facts{squashfs(), std::nullopt, ServerState{true, 0, ""}, std::nullopt};
  facts.mount->type = "fuse.mosb";
  facts.mount->source = "mosb-01234567:ab:8192";
  CHECK(view_complaint(facts, "mosb-01234567:ab:8192").empty());
  CHECK_FALSE(view_complaint(facts, "mosb-01234567:ab:4096").empty());
  facts.mount->type = "tmpfs";
  CHECK_FALSE(view_complaint(facts, "mosb-01234567:ab:8192").empty());
}

TEST_CASE("a server's view over dm-verity is reused only if server and device are right",
          "[verity]") {
  const LayerSource a = layer("a");
  const std::string source = "mosb-01234567:ab:8192";
  LayerFacts facts = over_verity(a);
  facts.mount->type = "fuse.mosb";
  facts.mount->device = "0:57";
  facts.mount->source = source + ":89abcdef";
  facts.server.alive = true;
  REQUIRE(verity_view_complaint(facts, a, source).empty());
  SECTION("it is not mounted") {
    facts.mount.reset();
  }
  SECTION("it is the kernel's own") {
    facts.mount->type = "squashfs";
  }
  SECTION("with set-uid") {
    facts.mount->options[1] = "relatime";
  }
  SECTION("a server's that checks itself") {
    facts.mount->source = source;
  }
  SECTION("another layer's") {
    facts.mount->source = "mosb-01234567:ac:8192:89abcdef";
  }
  SECTION("its server is gone") {
    facts.server.alive = false;
  }
  SECTION("its server met a bad block") {
    facts.server.corrupt_blocks = 1;
  }
  SECTION("its device is gone") {
    facts.verity.reset();
  }
  SECTION("its device lets faults pass") {
    facts.verity->table += " 1 ignore_corruption";
  }
  SECTION("its device is another layer's") {
    const LayerFacts other = over_verity(layer("b"));
    facts.verity = other.verity;
    facts.loop = other.loop;
  }
  SECTION("its device reads another layer's file") {
    facts.loop->tag = loop_tag(layer("b").root_hash.hex());
  }
  SECTION("corrupt blocks were read") {
    facts.verity->corrupt = true;
    CHECK(plan_layer(a, {}, facts, "x").was_corrupt);
  }
  CHECK_FALSE(verity_view_complaint(facts, a, source).empty());
}

TEST_CASE("the target is kept, mounted, replaced or refused", "[verity]") {
  const ImageMount image{{layer("a")}, "/t"};
  ImageRecord record;
  record.target = "/t";
  record.layers = {{layer("a"), "7:3"}};
  const std::optional<LiveImage> live = LiveImage{record, overlay()};
  CHECK(must(plan_target(image, std::nullopt, false, OverlayMarks::kTrusted)) ==
        TargetAction::kMount);
  CHECK(must(plan_target(image, live, true, OverlayMarks::kTrusted)) == TargetAction::kKeep);
  CHECK(must(plan_target(image, live, false, OverlayMarks::kTrusted)) == TargetAction::kReplace);
  std::optional<LiveImage> unguarded = live;
  unguarded->mount.options = {"ro", "nodev"};
  CHECK(must(plan_target(image, unguarded, true, OverlayMarks::kTrusted)) ==
        TargetAction::kReplace);
  unguarded = live;
  unguarded->mount.super_options = {"ro"};
  CHECK(must(plan_target(image, unguarded, true, OverlayMarks::kTrusted)) ==
        TargetAction::kReplace);
  ImageMount with_points = image;
  with_points.mount_points = {"/etc/hosts"};
  CHECK(plan_target(with_points, live, true, OverlayMarks::kTrusted).error().code() == Errc::kBusy);
  const ImageMount other{{layer("b")}, "/t"};
  CHECK(plan_target(other, live, true, OverlayMarks::kTrusted).error().code() == Errc::kBusy);
}

TEST_CASE("an overlay is mounted without devices, set-uid and redirects", "[verity]") {
  const OverlayConfig readonly =
      must(overlay_config({{5, 6}, -1, -1}, OverlayMarks::kTrusted, "mosb-x:y", 4));
  CHECK(readonly.options ==
        "lowerdir=/proc/self/fd/5:/proc/self/fd/6,"
        "redirect_dir=nofollow,metacopy=off,index=off,xino=off");
  CHECK(readonly.flags == (MS_NODEV | MS_NOSUID | MS_RDONLY));
  const OverlayConfig writable =
      must(overlay_config({{5}, 7, 8}, OverlayMarks::kTrusted, "mosb-x:y", 4));
  CHECK_THAT(writable.options,
             Catch::EndsWith(",upperdir=/proc/self/fd/7,workdir=/proc/self/fd/8"));
  CHECK(writable.flags == (MS_NODEV | MS_NOSUID));
}

TEST_CASE("overlay options for the most layers fit the kernel's page, more are refused",
          "[verity]") {
  OverlayLayers layers;
  layers.lower.assign(kMaxLayers + 1, 1'000'000);  // and the mount points
  CHECK(overlay_config(layers, OverlayMarks::kTrusted, "s", 4));
  layers.lower.assign(4 * kMaxLayers, 1'000'000);
  CHECK(overlay_config(layers, OverlayMarks::kTrusted, "s", 4).error().code() == Errc::kUsage);
}
