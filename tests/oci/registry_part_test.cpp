// Parts of blobs, by HTTP ranges.
#include "tests/oci/mirror_fixture.h"

using mosb::Errc;
using mosb::Json;
using mosb::Status;
using mosb::test::blob_of;
using mosb::test::blob_path;
using mosb::test::Mirrored;
using mosb::test::nobody;
using mosb::test::place;
using mosb::test::serve;

namespace {

const std::string kBytes = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Answers for the ten bytes from 10 on.
Json part_rule(const std::string& body = kBytes.substr(10, 10),
               const std::string& range = "bytes 10-19/36") {
  return {{"path", blob_path(blob_of(kBytes))},
          {"when", {{"Range", "bytes=10-19"}}},
          {"status", 206},
          {"headers", {{"Content-Range", range}}},
          {"body", body}};
}

struct Read {
  Status status;
  std::string bytes;
};

Read read_part(const std::vector<Json>& rules) {
  const auto server = serve(rules);
  Mirrored one({}, place(server.host()));
  std::string bytes(10, '.');
  const Status read =
      one.repository.read_part(blob_of(kBytes), 10, std::as_writable_bytes(std::span(bytes)));
  return {read, bytes};
}

}  // namespace

TEST_CASE("a part of a blob is asked for by its range", "[oci]") {
  for (const char* const range : {"bytes 10-19/36", "bytes 10-19/*"}) {
    const Read part = read_part({part_rule(kBytes.substr(10, 10), range)});
    REQUIRE(part.status);
    CHECK(part.bytes == "abcdefghij");
  }
}

TEST_CASE("a server that gives no parts, or another one, gives nothing", "[oci]") {
  const std::string path = blob_path(blob_of(kBytes));
  const std::string ten = kBytes.substr(10, 10);
  const auto refused = [](const Json& rule, Errc code) {
    const Read part = read_part({rule});
    INFO(rule.dump());
    REQUIRE_FALSE(part.status);
    CHECK(part.status.error().code() == code);
    CHECK(part.bytes == "..........");
  };
  refused({{"path", path}, {"body", kBytes}}, Errc::kContent);
  refused({{"path", path}, {"endless", true}}, Errc::kContent);
  refused({{"path", path}, {"status", 416}}, Errc::kContent);
  refused({{"path", path}, {"status", 404}}, Errc::kNotFound);
  refused(part_rule(ten, "bytes 0-9/36"), Errc::kNetwork);
  refused(part_rule(ten, "bytes 10-19/37"), Errc::kNetwork);
  refused(part_rule(ten, "bytes 10-20/36"), Errc::kNetwork);
  refused(part_rule(ten + "k"), Errc::kContent);
  refused(part_rule("abc"), Errc::kContent);
  Json without = part_rule();
  without.erase("headers");
  refused(without, Errc::kNetwork);
}

TEST_CASE("a part is asked of mirrors first, and of the registry if they have none", "[mirrors]") {
  const auto without_parts = serve({{{"path", blob_path(blob_of(kBytes))}, {"body", kBytes}}});
  const auto registry = serve({part_rule()});
  Mirrored all({place(nobody()), place(without_parts.host())}, place(registry.host()));
  std::string bytes(10, '.');
  CHECK(all.repository.read_part(blob_of(kBytes), 10, std::as_writable_bytes(std::span(bytes))));
  CHECK(bytes == "abcdefghij");
  CHECK(without_parts.count("GET", blob_path(blob_of(kBytes))) == 1);
  // A place without parts is good for wholes.
  CHECK(all.left.empty());
}
