#include "tests/trust/timestamps.h"

#include <algorithm>
#include <array>

#include <openssl/rsa.h>

#include "mosb/trust/cms_handles.h"
#include "tests/trust/vectors.h"

namespace mosb::test {

namespace {

void require(bool condition, const char* what) {
  if (!condition) {
    stop(Error(Errc::kInternal, std::string(what) + ": " + trust::take_openssl_error()));
  }
}

std::string digest_of(const EVP_MD* hash, const std::string& message) {
  std::string digest(std::size_t(EVP_MD_get_size(hash)), '\0');
  require(EVP_Digest(message.data(),
                     message.size(),
                     reinterpret_cast<unsigned char*>(digest.data()),
                     nullptr,
                     hash,
                     nullptr) == 1,
          "digest");
  return digest;
}

std::string algorithm_der(const EVP_MD* hash) {
  return der(0x30, encode(OBJ_nid2obj(EVP_MD_get_type(hash)), i2d_ASN1_OBJECT));
}

std::string issuer_serial(const Identity& issuer_of, const Identity& serial_of) {
  const std::string name = encode(X509_get_issuer_name(issuer_of.x509.get()), i2d_X509_NAME);
  return der(0x30,
             der(0x30, der(0xa4, name)) +
                 encode(X509_get0_serialNumber(serial_of.x509.get()), i2d_ASN1_INTEGER));
}

std::string certificate_text(const Identity& identity) {
  const trust::Bytes& bytes = identity.certificate.der();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The value of the attribute signing-certificate or signing-certificate-v2.
std::string ess_attribute(const TokenRecipe& recipe) {
  const Identity& named = recipe.named == nullptr ? *recipe.signer : *recipe.named;
  const std::string certificate = certificate_text(named);
  const auto wrap = [](const std::string& id) { return der(0x30, der(0x30, der(0x30, id))); };
  const std::string hash = der(0x04, digest_of(EVP_sha256(), certificate));
  switch (recipe.ess) {
    case EssForm::kV2WithIssuer:
      return wrap(hash + issuer_serial(named, named));
    case EssForm::kV2WithWrongIssuer:
      return wrap(hash + issuer_serial(*recipe.certificates.front(), named));
    case EssForm::kV2WithWrongSerial:
      return wrap(hash + issuer_serial(named, *recipe.certificates.front()));
    case EssForm::kV2WithWrongHash:
      return wrap(der(0x04, digest_of(EVP_sha256(), "other")));
    case EssForm::kV2Sha1:
      return wrap(algorithm_der(EVP_sha1()) + der(0x04, digest_of(EVP_sha1(), certificate)));
    case EssForm::kV1:
      return wrap(der(0x04, digest_of(EVP_sha1(), certificate)));
    case EssForm::kV2:
    case EssForm::kNone:
      break;
  }
  return wrap(hash);
}

void add_attributes(CMS_SignerInfo& signer, const TokenRecipe& recipe) {
  require(CMS_signed_add1_attr_by_NID(&signer,
                                      NID_pkcs9_signingTime,
                                      recipe.signing_time_type,
                                      recipe.signing_time.data(),
                                      int(recipe.signing_time.size())) == 1,
          "signing time");
  if (recipe.ess == EssForm::kNone) {
    return;
  }
  const std::string ess = ess_attribute(recipe);
  require(
      CMS_signed_add1_attr_by_NID(&signer,
                                  recipe.ess == EssForm::kV1 ? NID_id_smime_aa_signingCertificate
                                                             : NID_id_smime_aa_signingCertificateV2,
                                  V_ASN1_SEQUENCE,
                                  ess.data(),
                                  int(ess.size())) == 1,
      "signing certificate");
}

/// An INTEGER under another tag octet, too.
std::string number(unsigned char tag, long value) {
  const std::unique_ptr<ASN1_INTEGER, trust::OpensslFree<ASN1_INTEGER_free>> integer(
      ASN1_INTEGER_new());
  require(ASN1_INTEGER_set(integer.get(), value) == 1, "number");
  return std::string(1, static_cast<char>(tag)) + encode(integer.get(), i2d_ASN1_INTEGER).substr(1);
}

void add_signer(CMS_ContentInfo& cms, const TokenRecipe& recipe, unsigned flags) {
  CMS_SignerInfo* const signer =
      CMS_add1_signer(&cms,
                      recipe.signer->x509.get(),
                      recipe.signer->key.get(),
                      recipe.digest,
                      flags | (recipe.holds_signer ? 0 : unsigned(CMS_NOCERTS)) |
                          (recipe.signer_by_key_id ? unsigned(CMS_USE_KEYID) : 0) |
                          (recipe.is_pss ? unsigned(CMS_KEY_PARAM) : 0));
  require(signer != nullptr, "signer");
  if (recipe.is_pss) {
    require(EVP_PKEY_CTX_set_rsa_padding(CMS_SignerInfo_get0_pkey_ctx(signer),
                                         RSA_PKCS1_PSS_PADDING) == 1,
            "padding");
  }
  add_attributes(*signer, recipe);
}

/// What a signer signs, as it is now.
std::string signed_attributes(const CMS_SignerInfo& signer) {
  std::vector<std::string> attributes;
  for (int i = 0; i < CMS_signed_get_attr_count(&signer); ++i) {
    attributes.push_back(encode(CMS_signed_get_attr(&signer, i), i2d_X509_ATTRIBUTE));
  }
  // DER's order of a SET OF.
  std::sort(attributes.begin(), attributes.end());
  std::string joined;
  for (const std::string& attribute : attributes) {
    joined += attribute;
  }
  return der(0x31, joined);
}

std::string sign(EVP_PKEY& key, const EVP_MD* hash, const std::string& message) {
  const trust::EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(std::size_t(EVP_PKEY_get_size(&key)), '\0');
  std::size_t size = signature.size();
  require(EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, &key) == 1 &&
              EVP_DigestSign(context.get(),
                             reinterpret_cast<unsigned char*>(signature.data()),
                             &size,
                             reinterpret_cast<const unsigned char*>(message.data()),
                             message.size()) == 1,
          "sign again");
  signature.resize(size);
  return signature;
}

/// Takes the signing time, which OpenSSL always puts in, out of what the signer signed.
void drop_signing_time(CMS_ContentInfo& cms, const TokenRecipe& recipe) {
  CMS_SignerInfo* const signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(&cms), 0);
  const int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
  X509_ATTRIBUTE_free(CMS_signed_delete_attr(signer, at));
  if (recipe.time == TokenRecipe::Time::kEmpty) {
    const std::unique_ptr<X509_ATTRIBUTE, trust::OpensslFree<X509_ATTRIBUTE_free>> empty(
        X509_ATTRIBUTE_new());
    require(X509_ATTRIBUTE_set1_object(empty.get(), OBJ_nid2obj(NID_pkcs9_signingTime)) == 1 &&
                CMS_signed_add1_attr(signer, empty.get()) == 1,
            "empty attribute");
  }
  const std::string signature =
      sign(*recipe.signer->key, recipe.digest, signed_attributes(*signer));
  require(ASN1_STRING_set(
              CMS_SignerInfo_get0_signature(signer), signature.data(), int(signature.size())) == 1,
          "signature");
}

int tell_time(TS_RESP_CTX* /*context*/, void* time, long* seconds, long* microseconds) {
  *seconds = static_cast<long>(static_cast<const SystemTime*>(time)->time_since_epoch().count());
  *microseconds = 0;
  return 1;
}

ASN1_INTEGER* give_serial(TS_RESP_CTX* /*context*/, void* /*data*/) {
  ASN1_INTEGER* const serial = ASN1_INTEGER_new();
  ASN1_INTEGER_set(serial, 1);
  return serial;
}

}  // namespace

std::string make_tst_info(const TstInfoRecipe& recipe) {
  const std::unique_ptr<ASN1_OBJECT, trust::OpensslFree<ASN1_OBJECT_free>> policy(
      OBJ_txt2obj(recipe.policy.c_str(), 1));
  std::string content = number(0x02, recipe.version) + encode(policy.get(), i2d_ASN1_OBJECT);
  content += der(0x30,
                 algorithm_der(recipe.imprint_hash) +
                     der(0x04, digest_of(recipe.imprint_hash, recipe.message)));
  content += number(0x02, 7) + der(0x18, recipe.time);
  if (recipe.accuracy_der) {
    content += der(0x30, *recipe.accuracy_der);
  }
  if (recipe.accuracy) {
    const auto& [seconds, millis, micros] = *recipe.accuracy;
    content += der(0x30,
                   (seconds != 0 ? number(0x02, seconds) : "") +
                       (millis != 0 ? number(0x80, millis) : "") +
                       (micros != 0 ? number(0x81, micros) : ""));
  }
  if (recipe.nonce) {
    content += number(0x02, *recipe.nonce);
  }
  return der(0x30, content);
}

std::string make_token(const TokenRecipe& recipe) {
  constexpr unsigned kFlags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;
  const trust::CmsPtr cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, kFlags));
  require(cms && CMS_set1_eContentType(cms.get(), OBJ_nid2obj(recipe.content_type)) == 1, "begin");
  add_signer(*cms, recipe, kFlags);
  for (const Identity* const other : recipe.other_signers) {
    TokenRecipe by_other = recipe;
    by_other.signer = other;
    add_signer(*cms, by_other, kFlags);
  }
  for (const Identity* const other : recipe.certificates) {
    require(CMS_add1_cert(cms.get(), other->x509.get()) == 1, "certificate");
  }
  const trust::BioPtr content(BIO_new_mem_buf(recipe.content.data(), int(recipe.content.size())));
  require(CMS_final(cms.get(), content.get(), nullptr, kFlags) == 1, "sign");
  if (recipe.time != TokenRecipe::Time::kSaid) {
    drop_signing_time(*cms, recipe);
  }
  if (recipe.said_algorithm != NID_undef) {
    X509_ALGOR* said = nullptr;
    CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms.get()), 0),
                             nullptr,
                             nullptr,
                             nullptr,
                             &said);
    require(X509_ALGOR_set0(said, OBJ_nid2obj(recipe.said_algorithm), V_ASN1_UNDEF, nullptr) == 1,
            "algorithm");
  }
  return encode(cms.get(), i2d_CMS_ContentInfo);
}

std::string openssl_reply(const std::string& query,
                          const std::vector<const Identity*>& path,
                          SystemTime time) {
  const std::unique_ptr<TS_RESP_CTX, trust::OpensslFree<TS_RESP_CTX_free>> context(
      TS_RESP_CTX_new());
  const trust::CertificatesPtr issuers(sk_X509_new_null());
  for (std::size_t i = 1; i < path.size(); ++i) {
    require(X509_up_ref(path[i]->x509.get()) == 1 &&
                sk_X509_push(issuers.get(), path[i]->x509.get()) > 0,
            "issuers");
  }
  const std::unique_ptr<ASN1_OBJECT, trust::OpensslFree<ASN1_OBJECT_free>> policy(
      OBJ_txt2obj("1.2.3.4", 1));
  require(TS_RESP_CTX_set_signer_cert(context.get(), path.front()->x509.get()) == 1 &&
              TS_RESP_CTX_set_signer_key(context.get(), path.front()->key.get()) == 1 &&
              TS_RESP_CTX_set_certs(context.get(), issuers.get()) == 1 &&
              TS_RESP_CTX_set_def_policy(context.get(), policy.get()) == 1 &&
              TS_RESP_CTX_set_signer_digest(context.get(), EVP_sha256()) == 1 &&
              TS_RESP_CTX_set_ess_cert_id_digest(context.get(), EVP_sha256()) == 1,
          "authority");
  for (const EVP_MD* const hash : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
    require(TS_RESP_CTX_add_md(context.get(), hash) == 1, "hash");
  }
  TS_RESP_CTX_set_time_cb(context.get(), tell_time, &time);
  TS_RESP_CTX_set_serial_cb(context.get(), give_serial, nullptr);
  const trust::BioPtr in(BIO_new_mem_buf(query.data(), int(query.size())));
  const std::unique_ptr<TS_RESP, trust::OpensslFree<TS_RESP_free>> reply(
      TS_RESP_create_response(context.get(), in.get()));
  require(reply != nullptr, "reply");
  return encode(reply.get(), i2d_TS_RESP);
}

}  // namespace mosb::test
