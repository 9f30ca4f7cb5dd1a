#include "mosb/trust/keyset.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/scratch.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/keyset_readme.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/private_key.h"
#include "mosb/trust/sign.h"

namespace mosb::trust {

namespace {

constexpr mode_t kSecret = 0600;
constexpr mode_t kPublic = 0644;
constexpr mode_t kDirectory = 0755;

/// X.509 allows 64 characters; the root's name is longer than the signer's.
constexpr std::size_t kMaxCommonName = 48;
// Notary identities need C, ST and O; a keyset knows no country. XX is kept free for such use.
constexpr char kCountry[] = "XX";
constexpr char kState[] = "none";
constexpr char kOrganization[] = "mosb keyset";

constexpr std::chrono::days kRootLife{3650};
constexpr std::chrono::days kSigningLife{1095};
/// Other machines' clocks may be a little behind.
constexpr std::chrono::minutes kClockSkew{10};

struct Material {
  PrivateKey root_key;
  Certificate root;
  PrivateKey signing_key;
  Certificate signing;
};

Status check_common_name(const std::string& name) {
  if (name.empty() || name.size() > kMaxCommonName || !is_utf8(name) || !is_printable_line(name) ||
      name.front() == ' ' || name.back() == ' ' || name.find("=#") != std::string::npos) {
    return Error(Errc::kUsage,
                 "common name " + quote(name) + " is not a line of 1 to " +
                     std::to_string(kMaxCommonName) + " bytes without spaces around it");
  }
  return ok();
}

CertificateRequest certificate_request(const std::string& common_name,
                                       SystemTime now,
                                       std::chrono::days life,
                                       CertificateRequest::Use use) {
  return CertificateRequest{
      kCountry, kState, kOrganization, common_name, now - kClockSkew, now + life, use};
}

Result<Material> make_material(const KeysetRequest& request, SystemTime now) {
  PrivateKey root_key = MOSB_TRY(PrivateKey::generate(request.algorithm));
  PrivateKey signing_key = MOSB_TRY(PrivateKey::generate(request.algorithm));
  Certificate root = MOSB_TRY(root_key.self_sign(certificate_request(
      request.common_name + " root CA", now, kRootLife, CertificateRequest::Use::kRootCa)));
  Certificate signing = MOSB_TRY(root_key.issue(
      certificate_request(
          request.common_name, now, kSigningLife, CertificateRequest::Use::kCodeSigning),
      signing_key,
      root));
  return Material{std::move(root_key), std::move(root), std::move(signing_key), std::move(signing)};
}

/// A value as it stands in a distinguished name. Spec: RFC 4514 §2.4.
std::string escape_dn_value(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (std::string_view("\"+,;<>\\").find(value[i]) != std::string_view::npos ||
        (i == 0 && value[i] == '#')) {
      out += '\\';
    }
    out += value[i];
  }
  return out;
}

std::string trusted_identity(const std::string& common_name) {
  return std::string("x509.subject:C=") + kCountry + ",ST=" + kState + ",O=" + kOrganization +
         ",CN=" + escape_dn_value(common_name);
}

/// The common name with everything that a store's name must not have as '-'.
std::string store_name(const std::string& common_name) {
  std::string name = common_name;
  std::replace_if(
      name.begin(),
      name.end(),
      [](char c) {
        return !is_trust_store_name({&c, 1}) && c != '.';
      },
      '-');
  return is_trust_store_name(name) ? name : "keyset";
}

std::string print_policy(const std::string& common_name) {
  const auto statement = [&](const char* name, const char* scope) {
    return Json{{"name", name},
                {"registryScopes", Json::array({scope})},
                {"signatureVerification", Json{{"level", "strict"}}},
                {"trustStores", Json::array({"ca:" + store_name(common_name)})},
                {"trustedIdentities", Json::array({trusted_identity(common_name)})}};
  };
  const Json policy{
      {"version", "1.0"},
      {"trustPolicies",
       Json::array({statement("registries", "*"), statement("local", "local/mosb")})}};
  return policy.dump(2) + "\n";
}

Keyset paths_in(const std::string& dir) {
  Keyset keyset;
  keyset.dir = dir;
  keyset.root_key = dir + "/root.key";
  keyset.root_certificate = dir + "/root.crt";
  keyset.signing_key = dir + "/signing.key";
  keyset.signing_certificate = dir + "/signing.crt";
  keyset.signing_chain = dir + "/signing-chain.pem";
  keyset.notation_dir = dir + "/notation";
  return keyset;
}

Status write_files(const Keyset& keyset, const KeysetRequest& request, const Material& material) {
  const TrustStoreName store{TrustStoreType::kCa, store_name(request.common_name)};
  const std::string store_dir = TrustStore::path(keyset.notation_dir, store);
  MOSB_CHECK(sys::mkdir_all(store_dir, kDirectory));
  const std::string root = material.root.to_pem();
  const std::string signing = material.signing.to_pem();
  MOSB_CHECK(write_file_atomic(keyset.root_key, material.root_key.to_pem(), kSecret));
  MOSB_CHECK(write_file_atomic(keyset.signing_key, material.signing_key.to_pem(), kSecret));
  MOSB_CHECK(write_file_atomic(keyset.root_certificate, root, kPublic));
  MOSB_CHECK(write_file_atomic(keyset.signing_certificate, signing, kPublic));
  MOSB_CHECK(write_file_atomic(keyset.signing_chain, signing + root, kPublic));
  MOSB_CHECK(write_file_atomic(store_dir + "/root.crt", root, kPublic));
  MOSB_CHECK(write_file_atomic(
      keyset.notation_dir + "/trustpolicy.json", print_policy(request.common_name), kPublic));
  return write_file_atomic(
      keyset.dir + "/README.md",
      print_keyset_readme(
          {trusted_identity(request.common_name),
           {{"C", kCountry}, {"ST", kState}, {"O", kOrganization}, {"CN", request.common_name}}}),
      kPublic);
}

/// Reads the files as a signer and a verifier would.
Status check_files(const Keyset& keyset, SystemTime now) {
  const SigningKey key = MOSB_TRY(load_signing_key(keyset.signing_key, keyset.signing_chain));
  MOSB_CHECK(check_code_signing_chain(key.chain));
  MOSB_CHECK(check_validity(key.chain, now));
  const NotationConfig config = MOSB_TRY(NotationConfig::open(keyset.notation_dir));
  if (!config.policy()) {
    return config.policy().error();
  }
  const TrustPolicyStatement& statement = *MOSB_TRY(config.policy()->select("local/mosb"));
  const TrustStore store = MOSB_TRY(config.store(statement.trust_stores.front()));
  const DistinguishedName subject = MOSB_TRY(subject_name(key.chain.front()));
  if (!store.contains(key.chain.back()) ||
      !statement.identities.subjects.front().is_subset_of(subject)) {
    return Error(Errc::kInternal, "the new trust policy does not accept the new signer");
  }
  return ok();
}

std::string parent_of(const std::string& dir) {
  const std::size_t slash = dir.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : dir.substr(0, slash);
}

std::string without_trailing_slashes(std::string dir) {
  while (dir.size() > 1 && dir.back() == '/') {
    dir.pop_back();
  }
  return dir;
}

/// rename(2) replaces a directory only if it is empty, so nothing is ever overwritten.
Status move_into_place(const std::string& made, const std::string& dir) {
  const auto moved = sys::rename(made, dir);
  if (!moved) {
    const int err = moved.error().sys_errno();
    if (err == ENOTEMPTY || err == EEXIST || err == ENOTDIR) {
      return Error(Errc::kUsage, quote(dir) + " exists already, and a keyset is never overwritten")
          .with_hint("name a directory that does not exist");
    }
    return moved.error();
  }
  return fsync_dir(parent_of(dir));
}

}  // namespace

Result<Keyset> create_keyset(const std::string& dir,
                             const KeysetRequest& request,
                             const Clock& clock) {
  const std::string what = "create keyset " + quote(dir);
  MOSB_CHECK(check_common_name(request.common_name).context(what));
  if (dir.empty()) {
    return Error(Errc::kUsage, "create a keyset: the directory's name is empty");
  }
  const std::string target = without_trailing_slashes(dir);
  const SystemTime now = clock.now();
  // Removed by the next one beside it if this one is killed: there are private keys in it.
  const oci::Scratch scratch = MOSB_TRY(oci::Scratch::make(parent_of(target)).context(what));
  const std::string made = scratch.path() + "/keyset";
  MOSB_CHECK(sys::mkdir(made, 0700).context(what));
  const Material material = MOSB_TRY(make_material(request, now).context(what));
  const Keyset written = paths_in(made);
  MOSB_CHECK(write_files(written, request, material).context(what));
  MOSB_CHECK(check_files(written, now).context(what));
  MOSB_CHECK(move_into_place(made, target).context(what));
  Keyset keyset = paths_in(target);
  keyset.trusted_identity = trusted_identity(request.common_name);
  keyset.root_not_after = material.root.fields().not_after;
  keyset.signing_not_after = material.signing.fields().not_after;
  return keyset;
}

}  // namespace mosb::trust
