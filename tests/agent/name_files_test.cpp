#include "mosb/agent/name_files.h"

#include <filesystem>

#include <catch2/catch.hpp>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::agent;

namespace {

net::ServicePort port(const std::string& name, const std::string& address) {
  net::ServicePort out;
  out.service = name;
  out.ipv4 = must(IpAddress::parse(address));
  return out;
}

manifest::TargetDns servers(const std::vector<std::string>& addresses) {
  manifest::TargetDns dns;
  dns.from = manifest::TargetDns::From::kServers;
  for (const std::string& address : addresses) {
    dns.servers.push_back(must(IpAddress::parse(address)));
  }
  return dns;
}

}  // namespace

TEST_CASE("a hosts file names the service itself, then every other one", "[network]") {
  net::ServicePort web = port("web", "10.0.3.4");
  web.ipv6 = must(IpAddress::parse("fd00::4"));
  const std::string text = hosts_text(web, "front", {port("db", "10.0.3.5"), web});
  CHECK(text ==
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "10.0.3.4\tfront web\n"
        "fd00::4\tfront web\n"
        "10.0.3.5\tdb\n");
}

TEST_CASE("no other service can have the name that a service gave itself", "[network]") {
  const std::string text =
      hosts_text(port("web", "10.0.3.4"), "db", {port("db", "10.0.3.5"), port("web", "10.0.3.4")});
  CHECK(text.find("10.0.3.5") == std::string::npos);
}

TEST_CASE("no service can be what others call localhost", "[network]") {
  const std::string text = hosts_text(port("web", "10.0.3.4"),
                                      "web",
                                      {port("localhost", "10.0.3.5"),
                                       port("ip6-localhost", "10.0.3.6"),
                                       port("ip6-loopback", "10.0.3.7"),
                                       port("localhosts", "10.0.3.8")});
  CHECK(text.find("10.0.3.5") == std::string::npos);
  CHECK(text.find("10.0.3.6") == std::string::npos);
  CHECK(text.find("10.0.3.7") == std::string::npos);
  CHECK(text.find("10.0.3.8\tlocalhosts\n") != std::string::npos);
}

TEST_CASE("a resolver asks the host's servers but for those on its loopback", "[network]") {
  const manifest::TargetDns host;
  CHECK(resolv_conf_text(host,
                         "# made by hand\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n"
                         "nameserver ::1\nnameserver\t2001:db8::1 # second\n"
                         "search a.example  b.example\noptions ndots:2\noptions rotate\n") ==
        "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch a.example b.example\n"
        "options ndots:2 rotate\n");
  CHECK(resolv_conf_text(host, "nameserver 127.0.0.1\n").empty());
  CHECK(resolv_conf_text(host, "nameserver 1.1.1.1; evil\nnameserver fe80::1%eth0\nnonsense\n") ==
        "nameserver 1.1.1.1\n");
}

TEST_CASE("a resolver's configuration is read as its editor left it", "[network]") {
  const manifest::TargetDns host;
  CHECK(resolv_conf_text(host, "nameserver 192.0.2.1\r\nsearch a.example\r\n\r\n") ==
        "nameserver 192.0.2.1\nsearch a.example\n");
  CHECK(resolv_conf_text(host, "  nameserver \t 192.0.2.1  \n;nameserver 192.0.2.2\nnameserver") ==
        "nameserver 192.0.2.1\n");
  CHECK(resolv_conf_text(host, "nameserver 192.0.2.1\ndomain a.example\nsearch b.example\n") ==
        "nameserver 192.0.2.1\nsearch b.example\n");
  CHECK(resolv_conf_text(host, "nameserver 192.0.2.1\nsearch a.example \x1b[2J\n") ==
        "nameserver 192.0.2.1\n");
  const std::string comments(64 * 1024, '#');
  CHECK(resolv_conf_text(host, comments + "\nnameserver 192.0.2.1\n") == "nameserver 192.0.2.1\n");
}

TEST_CASE("a service is told of three servers at most, none of which only the host can ask",
          "[network]") {
  const manifest::TargetDns host;
  CHECK(resolv_conf_text(host,
                         "nameserver 127.0.0.53\nnameserver fe80::1%eth0\nnameserver fe80::1\n"
                         "nameserver 0.0.0.0\nnameserver ::\nnameserver ::ffff:127.0.0.1\n"
                         "nameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver 192.0.2.3\n"
                         "nameserver 192.0.2.4\n") ==
        "nameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver 192.0.2.3\n");
}

TEST_CASE("where the host asks itself, services ask the servers behind it", "[network]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-resolv-"));
  const std::string own = dir.path() + "/resolv.conf";
  const std::string behind = dir.path() + "/behind.conf";
  const auto write = [](const std::string& path, const std::string& text) {
    REQUIRE(write_file_atomic(path, text, 0644));
  };
  CHECK(host_resolv_conf({own, behind}).empty());
  write(own, "nameserver 127.0.0.53\nsearch a.example\n");
  CHECK(host_resolv_conf({own, behind}) == "nameserver 127.0.0.53\nsearch a.example\n");
  CHECK(resolv_conf_text({}, host_resolv_conf({own, behind})) == "search a.example\n");
  write(behind, "nameserver 192.0.2.1\n");
  CHECK(host_resolv_conf({own, behind}) == "nameserver 192.0.2.1\n");
  write(own, "nameserver 192.0.2.9\n");
  CHECK(host_resolv_conf({own, behind}) == "nameserver 192.0.2.9\n");
  REQUIRE(sys::unlink(own));
  CHECK(host_resolv_conf({own, behind}) == "nameserver 192.0.2.1\n");
}

TEST_CASE("a resolv.conf that is a symlink counts, and one without bounds does not", "[network]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-resolv-"));
  const std::string own = dir.path() + "/resolv.conf";
  REQUIRE(write_file_atomic(dir.path() + "/real", "nameserver 192.0.2.1\n", 0644));
  std::filesystem::create_symlink("real", own);
  CHECK(host_resolv_conf({own}) == "nameserver 192.0.2.1\n");
  std::filesystem::remove(own);
  std::filesystem::create_symlink("/dev/zero", own);
  CHECK(host_resolv_conf({own}).empty());
  std::filesystem::remove(own);
  REQUIRE(write_file_atomic(own, std::string(2 << 20U, '\n') + "nameserver 192.0.2.1\n", 0644));
  CHECK(host_resolv_conf({own}).empty());
}

TEST_CASE("what a manifest says of resolvers goes before what the host has", "[network]") {
  const std::string host = "nameserver 192.0.2.1\nsearch host.example\noptions rotate\n";
  manifest::TargetDns dns = servers({"192.0.2.9"});
  CHECK(resolv_conf_text(dns, host) == "nameserver 192.0.2.9\n");
  dns.search = {"own.example"};
  dns.options = {"ndots:1", "edns0"};
  CHECK(resolv_conf_text(dns, host) ==
        "nameserver 192.0.2.9\nsearch own.example\noptions ndots:1 edns0\n");
  manifest::TargetDns search_only;
  search_only.search = {"own.example"};
  CHECK(resolv_conf_text(search_only, host) ==
        "nameserver 192.0.2.1\nsearch own.example\noptions rotate\n");
  manifest::TargetDns none;
  none.from = manifest::TargetDns::From::kNone;
  CHECK(resolv_conf_text(none, host).empty());
}

TEST_CASE("a name file changes in place, and only if its text does", "[network]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-name-files-"));
  const std::string own = dir.path() + "/etc";
  REQUIRE(write_name_files(own, {"a long text\n", "b\n", "c\n"}));
  const struct stat before = must(sys::lstat(own + "/hosts"));
  REQUIRE(write_name_files(own, {"short\n", "b\n", "c\n"}));
  CHECK(must(read_file(own + "/hosts", ByteCount{kKiB})) == "short\n");
  CHECK(must(sys::lstat(own + "/hosts")).st_ino == before.st_ino);
  const struct stat untouched = must(sys::lstat(own + "/hostname"));
  CHECK((untouched.st_mode & 07777) == 0644);
  REQUIRE(write_name_files(own, {"short\n", "b2\n", "c\n"}));
  const struct stat after = must(sys::lstat(own + "/hostname"));
  CHECK(after.st_mtim.tv_nsec == untouched.st_mtim.tv_nsec);
}
