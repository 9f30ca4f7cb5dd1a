#include "mosb/oci/image_config.h"

#include "mosb/oci/limits.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

Result<ImageConfig> parse(const Json& execution) {
  const Json document = {{"os", "linux"},
                         {"architecture", "amd64"},
                         {"config", execution},
                         {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}}};
  return ImageConfig::parse(document.dump());
}

void refuse(const Json& execution, const std::string& why) {
  INFO(execution.dump().substr(0, 300));
  const auto config = parse(execution);
  REQUIRE(error_code(config) == Errc::kContent);
  CHECK_THAT(config.error().message(), Catch::Contains(why));
}

}  // namespace

TEST_CASE("an image config is printed so that it reads back the same", "[oci]") {
  ImageConfig config{.platform = Platform::host()};
  config.user = "1000:app";
  config.working_dir = "/srv/app";
  config.stop_signal = "SIGINT";
  config.env = {"PATH=/bin", "KEY=-----BEGIN\nA\n-----END\n", "EMPTY=", "TWICE=1", "TWICE=2"};
  config.entrypoint = {"/bin/sh", "-c"};
  config.cmd = {"echo one\necho 'two'", ""};
  config.exposed_ports = {"53/udp", "80/tcp"};
  config.volumes = {"/data"};
  config.labels = {{"a.b", "c"}};
  config.diff_ids = {Digest::of("x")};
  CHECK(must(ImageConfig::parse(config.print())) == config);
}

TEST_CASE("newlines in Env, Entrypoint and Cmd arrive byte for byte", "[oci]") {
  const std::string pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  const std::string evil = "A=a\nlxc.hook.pre-start = /bin/sh\nlxc.cap.drop =\t\x01";
  const ImageConfig config = must(parse({{"Env", {"PEM=" + pem, evil}},
                                         {"Entrypoint", {"/bin/sh", "-c", "one\ntwo"}},
                                         {"Cmd", {"", "a \"q\" b"}}}));
  CHECK(config.env == std::vector<std::string>{"PEM=" + pem, evil});
  CHECK(config.entrypoint[2] == "one\ntwo");
  CHECK(config.cmd == std::vector<std::string>{"", "a \"q\" b"});
}

TEST_CASE("null and empty text count as absent in an image config", "[oci]") {
  const ImageConfig config = must(parse({{"Entrypoint", nullptr},
                                         {"Env", nullptr},
                                         {"Volumes", nullptr},
                                         {"Labels", nullptr},
                                         {"User", ""},
                                         {"WorkingDir", ""}}));
  CHECK(config.entrypoint.empty());
  CHECK_FALSE(config.user);
  CHECK_FALSE(config.working_dir);
  CHECK(must(ImageConfig::parse(
                 R"({"os":"linux","architecture":"arm64","config":null,"history":null,)"
                 R"("rootfs":{"type":"layers","diff_ids":null}})"))
            .cmd.empty());
}

TEST_CASE("a NUL in Env, Entrypoint or Cmd is refused", "[oci]") {
  const std::string nul("A=a\0b", 5);
  refuse({{"Env", {nul}}}, "NUL");
  refuse({{"Cmd", {nul}}}, "NUL");
  refuse({{"Entrypoint", {nul}}}, "NUL");
}

TEST_CASE("an environment entry without a plain name is refused", "[oci]") {
  refuse({{"Env", {"=x"}}}, "NAME=value");
  refuse({{"Env", {"x"}}}, "NAME=value");
  refuse({{"Env", {""}}}, "NAME=value");
  refuse({{"Env", {"A\nB=x"}}}, "control characters");
}

TEST_CASE("arguments and environment are limited", "[oci]") {
  refuse({{"Cmd", std::vector<std::string>(257, "a")}}, "more than 256 arguments");
  refuse({{"Entrypoint", std::vector<std::string>(128, "a")},
          {"Cmd", std::vector<std::string>(129, "a")}},
         "more than 256 arguments");
  refuse({{"Cmd", {std::string(kMiB, 'a')}}}, "longer than");
  refuse({{"Cmd", std::vector<std::string>(3, std::string(50'000, 'a'))}}, "more than 131072");
  refuse({{"Env", {"A=" + std::string(kMiB, 'a')}}}, "longer than");
  refuse({{"Env", std::vector<std::string>(1025, "A=b")}}, "Env has more than");
  refuse({{"Env", std::vector<std::string>(6, "A=" + std::string(100'000, 'a'))}},
         "Env has more than");
  CHECK(parse({{"Cmd", std::vector<std::string>(256, "a")}}));
}

TEST_CASE("a user is a name or a number in range, with or without a group", "[oci]") {
  for (const std::string user :
       {"0:0", "root", "1000:name", "4294967294", "www-data", "app.user:1"}) {
    CHECK(must(parse({{"User", user}})).user == user);
  }
  for (const std::string& user : {std::string("-1"),
                                  std::string("4294967295"),
                                  std::string("4294967296"),
                                  std::string("0:4294967295"),
                                  std::string("99999999999999999999"),
                                  std::string("root\n"),
                                  std::string("a b"),
                                  std::string("../x"),
                                  std::string(":0"),
                                  std::string("0:"),
                                  std::string("0:0:0"),
                                  std::string(1024, 'a')}) {
    refuse({{"User", user}}, "User");
  }
}

TEST_CASE("a working directory is absolute and stays where it says", "[oci]") {
  CHECK(must(parse({{"WorkingDir", "/a/b"}})).working_dir == "/a/b");
  CHECK(parse({{"WorkingDir", "/a/..b/...c"}}));
  for (const std::string& dir : {std::string("a"),
                                 std::string("./a"),
                                 std::string("/a/../b"),
                                 std::string("/.."),
                                 std::string("/a\nb"),
                                 "/" + std::string(5000, 'a')}) {
    refuse({{"WorkingDir", dir}}, "WorkingDir");
  }
}

TEST_CASE("stop signals, ports and volumes are checked", "[oci]") {
  for (const std::string signal : {"SIGTERM", "15", "SIGRTMIN+3"}) {
    CHECK(must(parse({{"StopSignal", signal}})).stop_signal == signal);
  }
  for (const std::string signal : {"SIGFOO", "0", "65", "-9", "9\n"}) {
    refuse({{"StopSignal", signal}}, "StopSignal");
  }
  const Json object = Json::object();
  CHECK(must(parse({{"ExposedPorts", {{"80/tcp", object}, {"53/udp", object}, {"1", object}}}}))
            .exposed_ports == std::vector<std::string>{"1", "53/udp", "80/tcp"});
  for (const std::string port : {"0/tcp", "65536/tcp", "80/icmp", "80/", "a/tcp", "+80", ""}) {
    refuse({{"ExposedPorts", {{port, object}}}}, "ExposedPorts");
  }
  for (const std::string path : {"data", "/a/../b", "", "/a\nb"}) {
    refuse({{"Volumes", {{path, object}}}}, "Volumes");
  }
}

TEST_CASE("wrong types in an image config are refused", "[oci]") {
  refuse({{"Cmd", "sh"}}, "'Cmd'");
  refuse({{"Env", {1}}}, "'Env'");
  refuse({{"Labels", {{"a", 1}}}}, "Labels");
  refuse({{"ExposedPorts", {"80/tcp"}}}, "'ExposedPorts'");
  for (const char* text :
       {"[]",
        "{}",
        R"({"os":"linux","architecture":"amd64"})",
        R"({"os":"linux","architecture":"amd64","rootfs":{"type":"other","diff_ids":[]}})",
        R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["x"]}})",
        R"({"os":"linux","architecture":"../x","rootfs":{"type":"layers","diff_ids":[]}})",
        R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers"},"layers":[]})"}) {
    INFO(text);
    CHECK(error_code(ImageConfig::parse(text)) == Errc::kContent);
  }
  CHECK(error_code(ImageConfig::parse(std::string(kMaxConfigSize.value + 1, ' '))) ==
        Errc::kContent);
}

TEST_CASE("labels that ask for privileges are kept as text and change nothing", "[oci]") {
  const ImageConfig plain = must(parse(Json::object()));
  ImageConfig labelled =
      must(parse({{"Labels", {{"io.example.privileged", "true"}, {"lxc.cap.drop", ""}}},
                  {"Privileged", true},
                  {"CapAdd", {"SYS_ADMIN"}}}));
  CHECK(labelled.labels.size() == 2);
  labelled.labels.clear();
  CHECK(labelled == plain);
}

TEST_CASE("a config must fit its manifest", "[oci]") {
  const TestImage image = make_image({"one", "two"});
  CHECK(require_config_of(image.config, image.manifest, image.descriptor));
  ImageConfig config = image.config;
  config.diff_ids.pop_back();
  CHECK(error_code(require_config_of(config, image.manifest, image.descriptor)) == Errc::kContent);
  Descriptor promised = image.descriptor;
  promised.platform = Platform{.os = "linux", .architecture = "s390x", .variant = ""};
  CHECK(error_code(require_config_of(image.config, image.manifest, promised)) == Errc::kContent);
}
