#include "tests/trust/vectors.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "mosb/oci/media_types.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/verify.h"

namespace mosb::trust {
namespace {

using test::must;

constexpr char kScope[] = "registry.example/vectors";

/// The configuration of a case, in a place where its modes are as they should be. Cases with a
/// policy of their own (`dn`) use the trust store of `strict`.
NotationConfig open_config(const test::Vector& vector, const std::string& dir) {
  const std::string own = test::notation_data("cases/" + vector.name + "/trustpolicy.json");
  if (std::filesystem::exists(own)) {
    test::copy_tree(test::notation_data("configs/strict"), dir);
    test::write_file(dir + "/trustpolicy.json",
                     test::notation_file("cases/" + vector.name + "/trustpolicy.json"));
  } else {
    test::copy_tree(vector.config, dir);
  }
  return must(NotationConfig::open(dir));
}

/// Serves the CRLs that were served to notation: the files of the case, by the last part of the
/// URL; crl.der where there is only one. Nobody answers for OCSP: no responses were kept.
class CaseWeb final : public Web {
 public:
  explicit CaseWeb(const std::string& name) : dir_("cases/" + name + "/") {}

  Result<WebAnswer> ask(const WebRequest& request) override {
    const std::string last = request.url.substr(request.url.rfind('/') + 1);
    for (const std::string& file : {last, std::string("crl.der")}) {
      if (request.url.find("/crl/") != std::string::npos &&
          std::filesystem::exists(test::notation_data(dir_ + file))) {
        return WebAnswer{"", test::notation_file(dir_ + file)};
      }
    }
    return Error(Errc::kNetwork, "the server answered 404");
  }

 private:
  std::string dir_;
};

Verification judge(const test::Vector& vector, const std::string& cache_dir = "") {
  CaseWeb web(vector.name);
  const RevocationSources sources{&web, cache_dir};
  const TempDir dir = test::make_temp_dir();
  oci::Layout layout = test::layout_with_case(dir.path() + "/layout", vector.name);
  const NotationConfig config = open_config(vector, dir.path() + "/config");
  return must(verify(layout,
                     VerifyRequest{test::vector_subject(), kScope, {}, 100, &sources},
                     config,
                     test::vector_clock()));
}

long peak_memory_kib() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_CASE(
    "every signature that notation was given is judged as notation judged it, but for the list",
    "[trust][vectors]") {
  const Json differences = test::notation_json("differences.json");
  // One case fills notation's cache, and the next one lives on it.
  const TempDir cache = test::make_temp_dir();
  std::size_t judged = 0;
  std::size_t accepted = 0;
  for (const test::Vector& vector : test::notation_vectors()) {
    const Verification verification =
        judge(vector, vector.name.starts_with("rev_cache_") ? cache.path() : "");
    const bool ours = !verification.refusal.has_value();
    const std::string why = ours ? "" : verification.refusal->message();
    INFO(vector.name << ": " << why << "; notation: " << vector.reason);
    if (differences["stricter"].contains(vector.name)) {
      // A difference that is none any more must leave the list.
      CHECK(vector.accepted);
      CHECK_FALSE(ours);
    } else if (differences["not_kept"].contains(vector.name)) {
      CHECK(vector.accepted);
      CHECK_FALSE(ours);
      CHECK(why.find("cannot be found out") != std::string::npos);
    } else {
      CHECK(ours == vector.accepted);
    }
    CHECK((verification.report.outcome == Outcome::kVerified) == ours);
    // What is shown of each signature says the same.
    const auto& signatures = verification.report.signatures;
    CHECK(std::any_of(signatures.begin(), signatures.end(), [](const SignatureReport& s) {
            return s.outcome == Outcome::kVerified;
          }) == ours);
    ++judged;
    accepted += ours ? 1 : 0;
  }
  CHECK(judged == 205);
  CHECK(accepted == 70);
}

TEST_CASE("a difference names a case that exists", "[trust][vectors]") {
  const Json differences = test::notation_json("differences.json");
  for (const char* const list : {"stricter", "not_kept"}) {
    for (const auto& item : differences[list].items()) {
      INFO(item.key());
      CHECK(std::filesystem::exists(test::notation_data("cases/" + item.key())));
    }
  }
}

TEST_CASE("a JWS that counts for nothing does not keep a later COSE signature from being accepted",
          "[trust][vectors]") {
  const Verification verification =
      judge({"real-multi", true, "", test::notation_data("configs/strict")});
  REQUIRE_FALSE(verification.refusal);
  REQUIRE(verification.report.signatures.size() == 2);
  CHECK(verification.report.signatures[0].media_type == oci::kJws);
  CHECK(verification.report.signatures[0].outcome == Outcome::kFailed);
  CHECK(verification.report.signatures[1].media_type == oci::kCose);
  CHECK(verification.report.signatures[1].outcome == Outcome::kVerified);
}

TEST_CASE("what was found out about revocation when an artifact was admitted is not asked again",
          "[trust][vectors]") {
  std::size_t judged = 0;
  for (const test::Vector& vector : test::notation_vectors()) {
    if (vector.name != "rev_crl_404" && vector.name != "rev_ocsp_500") {
      continue;
    }
    INFO(vector.name);
    ++judged;
    const TempDir dir = test::make_temp_dir();
    oci::Layout layout = test::layout_with_case(dir.path() + "/layout", vector.name);
    const NotationConfig config = open_config(vector, dir.path() + "/config");
    VerifyRequest request{test::vector_subject(), kScope, {}, 100};
    CHECK(must(verify(layout, request, config, test::vector_clock())).refusal);
    const RevocationSources before{.web = nullptr, .cache_dir = {}, .is_settled = true};
    request.revocation = &before;
    const Verification settled = must(verify(layout, request, config, test::vector_clock()));
    CHECK_FALSE(settled.refusal);
    REQUIRE(settled.report.signatures.size() == 1);
    CHECK(settled.report.signatures[0].authenticity == CheckResult::kPass);
    CHECK(settled.report.signatures[0].revocation == CheckResult::kSkipped);
  }
  CHECK(judged == 2);
}

TEST_CASE("a refusal says what can be done about it", "[trust][vectors]") {
  std::map<std::string, std::string> hints{{"jws_wrong_ca", "mosb trust store add --type ca"},
                                           {"jws_expired", "sign it again"},
                                           {"anchor_id_bad", "trustedIdentities"},
                                           {"order_wrong_subject_audit", "one of its own"},
                                           {"rev_crl_404", "override revocation"},
                                           {"rev_crl_revoked", "sign with a certificate"}};
  for (const test::Vector& vector : test::notation_vectors()) {
    if (const auto hint = hints.extract(vector.name)) {
      INFO(vector.name);
      const Verification verification = judge(vector);
      REQUIRE(verification.refusal);
      CHECK(verification.refusal->hint().find(hint.mapped()) != std::string::npos);
    }
  }
  CHECK(hints.empty());
}

TEST_CASE("judging all cases takes less than 64 MiB", "[trust][vectors]") {
#ifdef __SANITIZE_ADDRESS__
  std::puts("SKIP judging all cases takes less than 64 MiB: the sanitizer's own memory counts too");
#else
  const long before = peak_memory_kib();
  for (const test::Vector& vector : test::notation_vectors()) {
    (void)judge(vector);
  }
  CHECK(peak_memory_kib() - before < 64 * 1024);
#endif
}

}  // namespace
}  // namespace mosb::trust
