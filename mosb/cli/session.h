#pragma once

#include <memory>
#include <string>

#include "mosb/agent/configuration.h"
#include "mosb/agent/http_web.h"
#include "mosb/agent/paths.h"
#include "mosb/agent/repositories.h"
#include "mosb/base/clock.h"
#include "mosb/base/json.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"
#include "mosb/trust/ocsp_cache.h"
#include "mosb/trust/revocation.h"

namespace mosb::cli {

enum class Output { kText, kJson };

/// What the global flags said, and what every command works with.
class Session {
 public:
  /// Filled by the parser.
  std::string root;
  std::string config_file;
  std::string output = "text";
  std::string progress = "auto";
  bool verbose = false;
  bool quiet = false;
  bool no_color = false;

  Output format() const { return output == "json" ? Output::kJson : Output::kText; }
  /// Makes `root` absolute, without symlinks and without a slash at its end; it need not exist.
  /// Called once, before the command. Errors: kUsage.
  Status resolve_root();
  agent::Paths paths() const { return agent::Paths(root == "/" ? "" : root); }
  /// mosb.yaml, read once; the defaults where there is none. Errors: kManifest.
  Result<agent::Configuration> configuration() const;
  /// The notation configuration directory: `given` (from --notation-config) if not empty, else
  /// mosb.yaml's, else notation's own. Never two of them mixed.
  Result<std::string> notation_config(const std::string& given) const;
  /// The same for a command that can do without: "" if there is none.
  std::string notation_config_if_any(const std::string& given = "") const;
  /// The trust scope of a reference (interface section 3): host/repository for a registry, `given`
  /// (from --scope) or the configured local scope for a layout or archive. For `sha256:…` the scope
  /// it was pulled under, which must be the only one unless `given` names it.
  Result<std::string> scope(const oci::Reference& ref, const std::string& given) const;
  /// The place a reference names; the store for `sha256:…`. `notation_config` is the directory in
  /// force where the command has one: registries that it calls insecure are spoken to in plain
  /// HTTP.
  Result<std::unique_ptr<oci::Repository>> open(const oci::Reference& ref,
                                                bool insecure,
                                                const std::string& notation_config = "") const;
  /// The same without a registry's mirrors: for what the operator puts a signature on.
  Result<std::unique_ptr<oci::Repository>> open_itself(
      const oci::Reference& ref, bool insecure, const std::string& notation_config = "") const;
  const Clock& clock() const { return clock_; }
  trust::Web& web() { return web_; }
  /// How commands find out whether certificates are revoked.
  const trust::RevocationSources& revocation() const { return revocation_; }
  ProcessRunner& processes() { return processes_; }
  /// Whether to draw a progress bar.
  bool shows_bar() const;

 private:
  Result<std::unique_ptr<oci::Repository>> open_place(const oci::Reference& ref,
                                                      agent::OpenOptions options) const;

  RealClock clock_;
  RealProcessRunner processes_;
  agent::HttpWeb web_{{}};
  trust::OcspCache ocsp_cache_;
  trust::RevocationSources revocation_{
      .web = &web_, .cache_dir = trust::default_notation_cache_dir(), .ocsp_cache = &ocsp_cache_};
};

/// Prints a JSON value and a newline to standard output.
void print_json(const Json& value);
/// Prints a line of text, control characters escaped, unless quiet.
void print_line(const Session& session, const std::string& text);

}  // namespace mosb::cli
