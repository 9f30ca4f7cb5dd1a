#include "tests/trust/pki.h"

#include <ctime>

#include "mosb/trust/x509_der.h"
#include "tests/trust/vectors.h"

namespace mosb::test {

namespace {

void require(bool condition, const char* what) {
  if (!condition) {
    stop(Error(Errc::kInternal, std::string(what) + ": " + trust::take_openssl_error()));
  }
}

void set_time(ASN1_TIME* field, SystemTime time) {
  require(
      ASN1_TIME_set(field, static_cast<std::time_t>(time.time_since_epoch().count())) != nullptr,
      "time");
}

void set_name(X509_NAME* name, const std::string& common_name) {
  for (const auto& [type, value] : {std::pair("C", std::string("US")),
                                    std::pair("ST", std::string("WA")),
                                    std::pair("O", std::string("mosb tests")),
                                    std::pair("CN", common_name)}) {
    require(X509_NAME_add_entry_by_txt(name,
                                       type,
                                       MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.c_str()),
                                       -1,
                                       -1,
                                       0) == 1,
            "name");
  }
}

trust::EvpPkeyPtr make_key(const IdentityRecipe& recipe) {
  if (recipe.key_of != nullptr) {
    EVP_PKEY_up_ref(recipe.key_of->key.get());
    return trust::EvpPkeyPtr(recipe.key_of->key.get());
  }
  return trust::EvpPkeyPtr(recipe.rsa_bits != 0 ? EVP_RSA_gen(recipe.rsa_bits)
                                                : EVP_EC_gen(recipe.curve.c_str()));
}

/// Its certificate, signed, by a key of its own or of its issuer's.
trust::X509Ptr make_x509(const IdentityRecipe& recipe, const trust::EvpPkeyPtr& key) {
  static long serial = 1000;
  trust::X509Ptr x509(X509_new());
  require(key && x509, "new");
  X509* const issuer = recipe.issuer == nullptr ? x509.get() : recipe.issuer->x509.get();
  EVP_PKEY* const issuer_key = recipe.issuer == nullptr ? key.get() : recipe.issuer->key.get();
  require(X509_set_version(x509.get(), 2) == 1, "version");
  require(ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), ++serial) == 1, "serial");
  if (recipe.serial_bits != 0) {
    const trust::BignumPtr large(BN_new());
    require(BN_set_bit(large.get(), recipe.serial_bits - 1) == 1 &&
                BN_to_ASN1_INTEGER(large.get(), X509_get_serialNumber(x509.get())) != nullptr,
            "large serial");
  }
  set_name(X509_get_subject_name(x509.get()), recipe.name);
  set_time(X509_getm_notBefore(x509.get()), recipe.not_before);
  set_time(X509_getm_notAfter(x509.get()), recipe.not_after);
  if (recipe.issuer_name) {
    set_name(X509_get_issuer_name(x509.get()), *recipe.issuer_name);
  } else {
    require(X509_set_issuer_name(x509.get(), X509_get_subject_name(issuer)) == 1, "issuer");
  }
  require(X509_set_pubkey(x509.get(), key.get()) == 1, "key");
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, x509.get(), nullptr, nullptr, 0);
  for (const auto& [nid, value] : recipe.extensions) {
    const trust::X509ExtensionPtr extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension && X509_add_ext(x509.get(), extension.get(), -1) == 1, value.c_str());
  }
  require(X509_sign(x509.get(), issuer_key, EVP_sha256()) > 0, "sign");
  return x509;
}

}  // namespace

std::string make_certificate(const IdentityRecipe& recipe) {
  return encode(make_x509(recipe, make_key(recipe)).get(), i2d_X509);
}

Identity make_identity(const IdentityRecipe& recipe) {
  trust::EvpPkeyPtr key = make_key(recipe);
  trust::X509Ptr x509 = make_x509(recipe, key);
  trust::Certificate certificate = must(trust::from_x509(*x509));
  return Identity{std::move(x509), std::move(key), std::move(certificate)};
}

Extensions ca_extensions() {
  return {{NID_basic_constraints, "critical,CA:TRUE"},
          {NID_key_usage, "critical,keyCertSign,cRLSign"}};
}

Extensions code_signing_extensions() {
  return {{NID_basic_constraints, "critical,CA:FALSE"},
          {NID_key_usage, "critical,digitalSignature"},
          {NID_ext_key_usage, "codeSigning"}};
}

Extensions timestamping_extensions() {
  return {{NID_basic_constraints, "critical,CA:FALSE"},
          {NID_key_usage, "digitalSignature"},
          {NID_ext_key_usage, "critical,timeStamping"}};
}

Extensions with(Extensions extensions, int nid, const std::string& value) {
  std::erase_if(extensions, [nid](const auto& extension) { return extension.first == nid; });
  if (!value.empty()) {
    extensions.emplace_back(nid, value);
  }
  return extensions;
}

std::string der(unsigned char tag, const std::string& content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() < 0x80) {
    out += static_cast<char>(content.size());
  } else if (content.size() < 0x100) {
    out += static_cast<char>(0x81);
    out += static_cast<char>(content.size());
  } else {
    out += static_cast<char>(0x82);
    out += static_cast<char>(content.size() >> 8U);
    out += static_cast<char>(content.size() & 0xffU);
  }
  return out + content;
}

}  // namespace mosb::test
