#include <array>
#include <cstring>
#include <iostream>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include "mosb/oci/redirect.h"
#include "tests/oci/registry_fixture.h"

using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::oci::address_kind;
using mosb::oci::AddressKind;
using mosb::oci::host_kind;
using mosb::oci::next_hop;
using mosb::oci::Url;
using mosb::test::blob_of;
using mosb::test::blob_path;
using mosb::test::connect;
using mosb::test::in_turn;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::ScriptedRegistry;

namespace {

AddressKind kind_of(const char* text) {
  sockaddr_storage storage{};
  sockaddr_in in{};
  sockaddr_in6 in6{};
  if (::inet_pton(AF_INET, text, &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    std::memcpy(&storage, &in, sizeof in);
  } else {
    REQUIRE(::inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
    in6.sin6_family = AF_INET6;
    std::memcpy(&storage, &in6, sizeof in6);
  }
  return address_kind(reinterpret_cast<const sockaddr&>(storage));
}

/// An IPv4 address of this host that is not loopback, or "".
std::string own_address() {
  ifaddrs* list = nullptr;
  REQUIRE(::getifaddrs(&list) == 0);
  std::string found;
  for (const ifaddrs* i = list; i != nullptr && found.empty(); i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET ||
        address_kind(*i->ifa_addr) != AddressKind::kOrdinary) {
      continue;
    }
    sockaddr_in in{};
    std::memcpy(&in, i->ifa_addr, sizeof in);
    std::array<char, INET_ADDRSTRLEN> text{};
    found = ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
  }
  ::freeifaddrs(list);
  return found;
}

/// This host's name if it leads to loopback, as Debian sets it up; else "".
std::string loopback_name() {
  std::array<char, 256> name{};
  REQUIRE(::gethostname(name.data(), name.size() - 1) == 0);
  addrinfo* list = nullptr;
  if (::getaddrinfo(name.data(), nullptr, nullptr, &list) != 0) {
    return "";
  }
  const bool is_loopback = address_kind(*list->ai_addr) == AddressKind::kLoopback;
  ::freeaddrinfo(list);
  return is_loopback && host_kind(name.data()) == AddressKind::kOrdinary ? name.data() : "";
}

Json redirect_to(const std::string& path, const std::string& location, int status = 307) {
  return {{"path", path}, {"status", status}, {"headers", {{"Location", location}}}};
}

}  // namespace

TEST_CASE("addresses that a registry may not send a client to are known", "[registry]") {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "169.254.169.254",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "fe80::1",
                           "ff02::1",
                           "::ffff:169.254.169.254",
                           "::ffff:0.0.0.0",
                           "::7",
                           "fd00:ec2::254"}) {
    INFO(text);
    CHECK(kind_of(text) == AddressKind::kForbidden);
  }
  for (const char* text : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}) {
    INFO(text);
    CHECK(kind_of(text) == AddressKind::kLoopback);
  }
  for (const char* text : {"10.0.0.1", "192.0.2.1", "2001:db8::1", "169.253.0.1", "fd00::1"}) {
    INFO(text);
    CHECK(kind_of(text) == AddressKind::kOrdinary);
  }
  sockaddr unix_socket{};
  unix_socket.sa_family = AF_UNIX;
  CHECK(address_kind(unix_socket) == AddressKind::kForbidden);
}

TEST_CASE("an address in disguise is known by its text already", "[registry]") {
  for (const char* text : {"2852039166",
                           "0xa9fea9fe",
                           "169.254.43518",
                           "0x7f.1",
                           "[fe80::1]",
                           "[::ffff:169.254.169.254]",
                           "[nonsense]",
                           "169.254.169.254."}) {
    INFO(text);
    CHECK(host_kind(text) == AddressKind::kForbidden);
  }
  for (const char* text : {"localhost", "localhost.", "a.localhost", "127.0.0.1", "[::1]"}) {
    INFO(text);
    CHECK(host_kind(text) == AddressKind::kLoopback);
  }
  for (const char* text : {"example.org", "1.example", "0x7f.example", "10.0.0.1"}) {
    INFO(text);
    CHECK(host_kind(text) == AddressKind::kOrdinary);
  }
}

TEST_CASE("a redirect stays with the scheme and away from the host's own services", "[registry]") {
  const Url from = must(Url::parse("https://registry.example/v2/a/blobs/b"));
  CHECK(must(next_hop(from, "https://cdn.example/x?sig=1", false)).host == "cdn.example");
  CHECK(must(next_hop(from, "/other", false)).str() == "https://registry.example/other");
  for (const char* location : {"http://registry.example/v2/a/blobs/b",
                               "file:///etc/passwd",
                               "gopher://x/",
                               "https://127.0.0.1:5000/",
                               "https://localhost/",
                               "https://[::1]/",
                               "https://169.254.169.254/latest/meta-data",
                               "https://user@cdn.example/",
                               ""}) {
    INFO(location);
    CHECK(refused(next_hop(from, location, false)).code() == Errc::kNetwork);
  }
  const Url local = must(Url::parse("http://127.0.0.1:5000/"));
  CHECK(next_hop(local, "http://127.0.0.1:6000/", true));
  CHECK(refused(next_hop(local, "https://127.0.0.1:6000/", true)).code() == Errc::kNetwork);
}

TEST_CASE("a blob behind redirects arrives, and the login stays with the registry", "[registry]") {
  const std::string bytes = "layer";
  const auto blob = blob_of(bytes);
  const auto storage =
      must(ScriptedRegistry::start(Json::array({{{"path", "/signed?x=1"}, {"body", bytes}}})));
  const Json ask = {{"status", 401},
                    {"without", {"Authorization"}},
                    {"headers", {{"WWW-Authenticate", "Basic realm=x"}}}};
  const auto server = must(ScriptedRegistry::start(Json::array(
      {ask,
       redirect_to(blob_path(blob), "/here"),
       redirect_to("/here", "http://localhost:" + storage.port() + "/signed?x=1", 302)})));
  auto client =
      connect(server.host(),
              {.insecure = true, .credentials = mosb::oci::Credentials{"alice", "s3cret", ""}});
  CHECK(must(client->read_blob(blob, mosb::ByteCount{100})) == bytes);
  REQUIRE(storage.requests().size() == 1);
  CHECK_FALSE(storage.requests()[0]["headers"].contains("authorization"));
  CHECK(server.requests().back()["headers"].contains("authorization"));
}

TEST_CASE("a redirect loop ends after five hops", "[registry]") {
  const auto blob = blob_of("x");
  const auto server =
      must(ScriptedRegistry::start(Json::array({redirect_to("*", blob_path(blob))})));
  const Error error = refused(connect(server.host())->read_blob(blob, mosb::ByteCount{100}));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("more than 5 redirects") != std::string::npos);
  CHECK(server.requests().size() == 6);
}

TEST_CASE("a redirect to a file, to HTTPS or to a forbidden address is refused", "[registry]") {
  const auto blob = blob_of("x");
  const std::vector<std::string> locations = {"file:///etc/passwd",
                                              "https://127.0.0.1:@PORT@/x",
                                              "http://169.254.169.254/latest",
                                              "http://0.0.0.0:@PORT@/x",
                                              "http://[::ffff:169.254.169.254]/",
                                              "http://[fe80::1]/",
                                              "http://2852039166/latest",
                                              "ftp://127.0.0.1/x",
                                              "scp://127.0.0.1/x",
                                              "unix:///run/docker.sock",
                                              ""};
  std::vector<Json> rules;
  for (const std::string& location : locations) {
    rules.push_back(redirect_to(blob_path(blob), location));
  }
  const auto server = must(ScriptedRegistry::start(in_turn(rules)));
  for (const std::string& location : locations) {
    INFO(location);
    const Error error = refused(connect(server.host())->read_blob(blob, mosb::ByteCount{100}));
    CHECK(error.code() == Errc::kNetwork);
    CHECK(error.message().find("redirect") != std::string::npos);
  }
  CHECK(server.requests().size() == locations.size());
}

TEST_CASE("a redirect to a name that leads to this host's own services is refused", "[registry]") {
  const std::string address = own_address();
  const std::string name = loopback_name();
  if (address.empty() || name.empty()) {
    std::cout << "SKIP a redirect to a name that leads to this host's own services is refused: "
              << (address.empty() ? "this host has no address but loopback"
                                  : "no name but localhost leads to loopback")
              << "\n";
    return;
  }
  const auto blob = blob_of("x");
  const auto inner = must(ScriptedRegistry::start(Json::array({{{"body", "x"}}})));
  const auto server = must(ScriptedRegistry::start(
      Json::array({redirect_to(blob_path(blob), "http://" + name + ":" + inner.port() + "/x")}),
      std::nullopt,
      address));
  const Error error = refused(connect(server.host())->read_blob(blob, mosb::ByteCount{100}));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("leads to an address") != std::string::npos);
  CHECK(inner.requests().empty());
}

TEST_CASE("a redirect of anything but a read is refused", "[registry]") {
  const auto blob = blob_of("x");
  const auto server = must(ScriptedRegistry::start(
      Json::array({redirect_to(mosb::test::kApp + std::string("blobs/uploads/"), "/elsewhere")})));
  const Error error =
      refused(connect(server.host())->push_blob(blob, mosb::oci::BlobSource::bytes("x")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(server.count("POST", "/elsewhere") == 0);
}
