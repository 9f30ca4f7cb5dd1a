#pragma once

#include <map>
#include <optional>
#include <string>

#include "mosb/base/temp_dir.h"
#include "mosb/trust/revocation.h"
#include "tests/trust/revocations.h"
#include "tests/trust/scripted_web.h"
#include "tests/trust/vectors.h"

namespace mosb::test {

inline constexpr char kCrl[] = "http://crl.example/a.crl";
inline constexpr char kOcsp[] = "http://ocsp.example";

/// A chain whose leaf says who can be asked about it, and those who answer.
struct World {
  Identity root = make_identity({"root", nullptr, ca_extensions()});
  Identity leaf;
  std::map<std::string, std::string> served;
  TempDir temp = make_temp_dir();
  SystemTime now = vector_clock().now();
  std::optional<SystemTime> signing_time = {};
  std::string cache_dir = {};
  trust::OcspCache* ocsp_cache = nullptr;
  ScriptedWeb web{[this](const trust::WebRequest& request) -> Result<trust::WebAnswer> {
    for (const auto& [url, bytes] : served) {
      const bool ocsp = url.find("ocsp") != std::string::npos;
      if (request.url == url || (ocsp && request.url.rfind(url + "/", 0) == 0)) {
        return trust::WebAnswer{"", bytes};
      }
    }
    return Error(Errc::kNetwork, "the server answered 404");
  }};

  explicit World(const Extensions& about) : leaf(make_leaf(root, about)) {}

  static Identity make_leaf(const Identity& root, const Extensions& about) {
    Extensions extensions = code_signing_extensions();
    extensions.insert(extensions.end(), about.begin(), about.end());
    return make_identity({"leaf", &root, extensions});
  }
  std::string verdict() {
    const trust::RevocationSources sources{
        .web = &web, .cache_dir = cache_dir, .ocsp_cache = ocsp_cache};
    const Status status =
        trust::check_revocation({leaf.certificate, root.certificate},
                                {.sources = &sources, .now = now, .signing_time = signing_time});
    return status ? "good" : status.error().message();
  }
  bool good() { return verdict() == "good"; }
  bool revoked() { return verdict().find("is revoked") != std::string::npos && !undetermined(); }
  bool undetermined() { return verdict().find("cannot be found out") != std::string::npos; }
};

inline const Extensions kByCrl{{NID_crl_distribution_points, std::string("URI:") + kCrl}};
inline const Extensions kByOcsp{{NID_info_access, std::string("OCSP;URI:") + kOcsp}};

inline Extensions both() {
  Extensions extensions = kByCrl;
  extensions.insert(extensions.end(), kByOcsp.begin(), kByOcsp.end());
  return extensions;
}

}  // namespace mosb::test
