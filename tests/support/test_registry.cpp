#include "tests/support/test_registry.h"

#include "mosb/base/file.h"
#include "mosb/base/text.h"

namespace mosb::test {

namespace {

constexpr ByteCount kMaxLog{64 * kMiB};

Status run(const std::vector<std::string>& argv) {
  RealProcessRunner runner;
  const Completed done = MOSB_TRY(runner.run({.argv = argv, .env = {"LC_ALL=C"}, .input = ""}));
  return done.status == 0 ? ok() : Status(Error(Errc::kRuntime, argv[0] + ": " + done.err));
}

std::string script_path() {
  return std::string(MOSB_TEST_SUPPORT) + "/registry_with_faults.py";
}

std::string registry_config(const DockerRegistry::Options& options, const std::string& dir) {
  std::string config =
      "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    "
      "rootdirectory: " +
      dir + "/data\n  delete:\n    enabled: " + (options.allow_delete ? "true" : "false") +
      "\nhttp:\n  addr: 127.0.0.1:0\n";
  if (options.tls) {
    config +=
        "  tls:\n    certificate: " + options.tls->cert + "\n    key: " + options.tls->key + "\n";
  }
  if (!options.htpasswd.empty()) {
    config += "auth:\n  htpasswd:\n    realm: test\n    path: " + dir + "/htpasswd\n";
  }
  if (!options.token_auth.empty()) {
    config += "auth:\n  token:\n" + options.token_auth;
  }
  return config;
}

}  // namespace

Result<TlsFiles> make_tls_files(const std::string& dir, const std::string& name) {
  const TlsFiles files{dir + "/ca.pem", dir + "/server.pem", dir + "/server.key"};
  const std::string ca_key = dir + "/ca.key";
  const std::string request = dir + "/server.csr";
  const std::string extensions = dir + "/server.ext";
  MOSB_CHECK(write_file_atomic(extensions, "subjectAltName=" + name + "\n", 0600));
  MOSB_CHECK(run({"openssl",
                  "req",
                  "-x509",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:prime256v1",
                  "-nodes",
                  "-keyout",
                  ca_key,
                  "-out",
                  files.ca,
                  "-subj",
                  "/CN=test authority",
                  "-days",
                  "2"}));
  MOSB_CHECK(run({"openssl",
                  "req",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:prime256v1",
                  "-nodes",
                  "-keyout",
                  files.key,
                  "-out",
                  request,
                  "-subj",
                  "/CN=test server"}));
  MOSB_CHECK(run({"openssl",
                  "x509",
                  "-req",
                  "-in",
                  request,
                  "-CA",
                  files.ca,
                  "-CAkey",
                  ca_key,
                  "-CAcreateserial",
                  "-days",
                  "2",
                  "-extfile",
                  extensions,
                  "-out",
                  files.cert}));
  return files;
}

Result<ScriptedRegistry> ScriptedRegistry::start(const Json& rules,
                                                 const std::optional<TlsFiles>& tls,
                                                 const std::string& address) {
  TempDir dir = MOSB_TRY(TempDir::make("/tmp", "mosb-test-registry-"));
  const std::string& path = dir.path();
  MOSB_CHECK(write_file_atomic(path + "/script.json", rules.dump(), 0600));
  MOSB_CHECK(write_file_atomic(path + "/log", "", 0600));
  std::vector<std::string> argv = {"python3",
                                   "-IS",
                                   script_path(),
                                   "--script",
                                   path + "/script.json",
                                   "--log",
                                   path + "/log",
                                   "--address",
                                   address};
  if (tls) {
    argv.insert(argv.end(), {"--cert", tls->cert, "--key", tls->key});
  }
  TestProcess process = MOSB_TRY(TestProcess::start(argv, path + "/out", path + "/err"));
  std::string port = MOSB_TRY(wait_for_text(path + "/out", "", std::chrono::seconds(30)));
  return ScriptedRegistry(std::move(dir), std::move(process), address, std::move(port));
}

std::vector<Json> ScriptedRegistry::requests() const {
  std::vector<Json> requests;
  const auto log = read_file(dir_.path() + "/log", kMaxLog);
  for (const std::string& line : split(log ? *log : "", '\n')) {
    const auto request = json::parse(line, kMaxLog);
    if (request) {
      requests.push_back(*request);
    }
  }
  return requests;
}

std::size_t ScriptedRegistry::count(const std::string& method, const std::string& path) const {
  std::size_t n = 0;
  for (const Json& request : requests()) {
    if (request["method"] == method && request["path"].get<std::string>().starts_with(path)) {
      ++n;
    }
  }
  return n;
}

bool DockerRegistry::is_installed() {
  return !find_installed("docker-registry").empty();
}

Result<DockerRegistry> DockerRegistry::start(const Options& options) {
  TempDir dir = MOSB_TRY(TempDir::make("/tmp", "mosb-test-registry-"));
  const std::string& path = dir.path();
  MOSB_CHECK(write_file_atomic(path + "/htpasswd", options.htpasswd + "\n", 0600));
  MOSB_CHECK(write_file_atomic(path + "/config.yml", registry_config(options, path), 0600));
  TestProcess process = MOSB_TRY(TestProcess::start(
      {"docker-registry", "serve", path + "/config.yml"}, path + "/log", path + "/log"));
  const std::string rest =
      MOSB_TRY(wait_for_text(path + "/log", "listening on 127.0.0.1:", std::chrono::seconds(30)));
  std::string host = "127.0.0.1:" + rest.substr(0, rest.find_first_not_of("0123456789"));
  return DockerRegistry(std::move(dir), std::move(process), std::move(host));
}

std::string DockerRegistry::log() const {
  const auto log = read_file(dir_.path() + "/log", kMaxLog);
  return log ? *log : "";
}

}  // namespace mosb::test
