// What a scanner, an untrusted process, may say.
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/must.h"
#include "verity/block_owner.h"
#include "verity/layer_scan.h"

namespace mosb::verity {

TEST_CASE("a scanner's answer about blocks is read strictly", "[scan]") {
  const std::vector<BlockOwner> owners{{0, BlockOwner::Kind::kSuperblock, 0, ""},
                                       {12, BlockOwner::Kind::kFiles, 3, "/a b"},
                                       {13, BlockOwner::Kind::kNobody, 0, ""},
                                       {77, BlockOwner::Kind::kInodes, 0, ""},
                                       {78, BlockOwner::Kind::kTables, 0, ""}};
  const std::vector<std::uint64_t> blocks{0, 12, 13, 77, 78};
  const std::string text = located_answer(owners);
  CHECK(text == "superblock 0\nfiles 12 3 2f612062\nnobody 13\ninodes 77\ntables 78\n");
  CHECK(must(parse_located_answer(text, blocks)) == owners);
  CHECK(to_string(owners[1]) == "block 12 of '/a b' and 2 other files");
  CHECK_FALSE(parse_located_answer(text, std::vector<std::uint64_t>{0, 12, 13, 77}));
  CHECK_FALSE(parse_located_answer(text, std::vector<std::uint64_t>{0, 12, 13, 77, 79}));
  const std::vector<std::uint64_t> one{12};
  CHECK(parse_located_answer("files 12 1 -\n", one));
  for (const char* const nonsense : {"",
                                     "\n",
                                     "files 12 1 2f",
                                     "files 12 1 2f\n\n",
                                     "files 12 0 2f\n",
                                     "files 12 1 2F\n",
                                     "files 12 1 00\n",
                                     "files 12 1\n",
                                     "files 12 1 2f 2f\n",
                                     "nobody 12 1\n",
                                     "nobody\n",
                                     "other 12\n",
                                     "nobody 012\n",
                                     "nobody 12\nnobody 12\n",
                                     "refused - -\n"}) {
    INFO(nonsense);
    CHECK_FALSE(parse_located_answer(nonsense, one));
  }
}

TEST_CASE("a scanner's answer is read strictly", "[scan]") {
  const LayerScan scan{.inodes = 20'345,
                       .file_bytes = ByteCount{1},
                       .findings = {{FindingKind::kDeviceNodes, 3, "/dev/null"},
                                    {FindingKind::kSetIdFiles, 1, std::string("\xff\n", 2)},
                                    {FindingKind::kFileCapabilities, 2, ""}}};
  CHECK(passed_answer(scan) ==
        "device-nodes 3 2f6465762f6e756c6c\nset-id-files 1 ff0a\nfile-capabilities 2 -\n"
        "passed 20345 1\n");
  CHECK(must(parse_scan_answer(passed_answer(scan))) == scan);
  const auto refused = parse_scan_answer(refused_answer("/a\nb", "bad\x1b[31m"));
  CHECK(refused.error().code() == Errc::kVerity);
  CHECK(refused.error().message() == "'/a\\x0ab': bad\\x1b[31m");
  CHECK(parse_scan_answer(refused_answer("", "why")).error().message() == "why");
  CHECK(parse_scan_answer(failed_answer("why")).error().code() == Errc::kHost);
  CHECK(refused_answer(std::string(5000, 'x'), std::string(5000, 'y')).size() < kMaxScanAnswer);
  CHECK_FALSE(parse_scan_answer(refused_answer(std::string(5000, 'x'), "y")));
  for (const char* const nonsense : {"",
                                     "\n",
                                     "passed",
                                     "passed\n",
                                     "passed 1\n",
                                     "passed 0 1\n",
                                     "passed 1 1",
                                     "passed 1 1 \n",
                                     "passed 1 1\n\n",
                                     "passed 1 1\npassed 1 1\n",
                                     "Passed 1 1\n",
                                     "passed 01 1\n",
                                     "passed -1 1\n",
                                     "passed 1 18446744073709551616\n",
                                     "set-id-files 1 -\n",
                                     "set-id-files 0 -\npassed 1 1\n",
                                     "set-id-files 1 2G\npassed 1 1\n",
                                     "set-id-files 1 00\npassed 1 1\n",
                                     "set-id-files 1\npassed 1 1\n",
                                     "set-id-files 1 -\ndevice-nodes 1 -\npassed 1 1\n",
                                     "set-id-files 1 -\nset-id-files 1 -\npassed 1 1\n",
                                     "other 1 -\npassed 1 1\n",
                                     "refused\n",
                                     "refused -\n",
                                     "refused - - -\n",
                                     "failed - -\n",
                                     "passed 1 1\nset-id-files 1 -\n"}) {
    const auto parsed = parse_scan_answer(nonsense);
    INFO(nonsense);
    CHECK_FALSE(parsed);
    CHECK(parsed.error().message() == "the scanner's answer makes no sense");
  }
  CHECK_FALSE(parse_scan_answer("refused - " + std::string(2000, 'a') + "\n"));
  CHECK_FALSE(parse_scan_answer(std::string(kMaxScanAnswer, '\n') + "passed 1 1\n"));
}

}  // namespace mosb::verity
