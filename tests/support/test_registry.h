#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/json.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/test_process.h"

namespace mosb::test {

/// Files of a private certificate authority and of a server certificate that it issued.
struct TlsFiles {
  std::string ca;
  std::string cert;
  std::string key;
};
/// Makes both in `dir` with openssl. `name` is a subjectAltName, e.g. "IP:127.0.0.1".
Result<TlsFiles> make_tls_files(const std::string& dir, const std::string& name);

/// tests/support/registry_with_faults.py with the given rules, on the given address.
class ScriptedRegistry {
 public:
  static Result<ScriptedRegistry> start(const Json& rules,
                                        const std::optional<TlsFiles>& tls = std::nullopt,
                                        const std::string& address = "127.0.0.1");
  /// "ADDRESS:PORT".
  std::string host() const { return address_ + ":" + port_; }
  const std::string& port() const { return port_; }
  /// What came in so far.
  std::vector<Json> requests() const;
  /// How many of them there were with this method and a path that begins so.
  std::size_t count(const std::string& method, const std::string& path) const;

 private:
  ScriptedRegistry(TempDir dir, TestProcess process, std::string address, std::string port)
      : dir_(std::move(dir)),
        process_(std::move(process)),
        address_(std::move(address)),
        port_(std::move(port)) {}
  TempDir dir_;
  TestProcess process_;
  std::string address_;
  std::string port_;
};

/// Debian's docker-registry over an empty directory.
class DockerRegistry {
 public:
  struct Options {
    std::optional<TlsFiles> tls = {};
    /// A line of a htpasswd file (bcrypt).
    std::string htpasswd = {};
    /// The `token` part of the configuration's `auth`, as YAML lines indented by four.
    std::string token_auth = {};
    bool allow_delete = true;
  };
  /// Whether it is installed.
  static bool is_installed();
  static Result<DockerRegistry> start(const Options& options);
  static Result<DockerRegistry> start() { return start(Options{}); }
  /// "127.0.0.1:PORT".
  const std::string& host() const { return host_; }
  /// The access log and everything else that it printed.
  std::string log() const;

 private:
  DockerRegistry(TempDir dir, TestProcess process, std::string host)
      : dir_(std::move(dir)), process_(std::move(process)), host_(std::move(host)) {}
  TempDir dir_;
  TestProcess process_;
  std::string host_;
};

}  // namespace mosb::test
