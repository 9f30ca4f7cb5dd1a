#include "mosb/base/proc_status.h"

#include <catch2/catch.hpp>

#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"
#include "tests/support/must.h"

using namespace mosb;

TEST_CASE("fields of a process's status are found by name, with single spaces", "[proc_status]") {
  const auto fields = parse_proc_status("Name:\tx: y\nUid:\t1\t2  3\t4\nGroups:\t \nno field\n");
  CHECK(fields.at("Name") == "x: y");
  CHECK(fields.at("Uid") == "1 2 3 4");
  CHECK(fields.at("Groups").empty());
  CHECK(fields.size() == 3);
}

TEST_CASE("a field of a process's status that stands twice hides neither value", "[proc_status]") {
  CHECK(parse_proc_status("Uid: 0\nUid: 5\n").at("Uid") == "0 5");
}

TEST_CASE("the kernel's own status has the fields that are asked for", "[proc_status]") {
  const auto fields =
      parse_proc_status(must(read_kernel_file("/proc/self/status", ByteCount{64 * kKiB})));
  for (const char* const name : {"Uid", "Gid", "Groups", "State", "CapEff", "NoNewPrivs"}) {
    CHECK(fields.contains(name));
  }
}
