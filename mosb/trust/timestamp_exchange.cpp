#include "mosb/trust/timestamp_exchange.h"

#include <memory>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/trust/cms_handles.h"
#include "mosb/trust/der_reader.h"

namespace mosb::trust {

namespace {

using TsReqPtr = std::unique_ptr<TS_REQ, OpensslFree<TS_REQ_free>>;
using ImprintPtr = std::unique_ptr<TS_MSG_IMPRINT, OpensslFree<TS_MSG_IMPRINT_free>>;
using AlgorithmPtr = std::unique_ptr<X509_ALGOR, OpensslFree<X509_ALGOR_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpensslFree<ASN1_INTEGER_free>>;

Error failed() {
  return Error(Errc::kInternal, "make a timestamp query: " + take_openssl_error());
}

Error bad_reply(const std::string& what) {
  return Error(Errc::kSignature, "the timestamping authority's reply " + what);
}

bool set_imprint(TS_REQ& request, Sha2 hash, const Bytes& digest) {
  const ImprintPtr imprint(TS_MSG_IMPRINT_new());
  const AlgorithmPtr algorithm(X509_ALGOR_new());
  return imprint && algorithm &&
         X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(nid_of(hash)), V_ASN1_NULL, nullptr) == 1 &&
         TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get()) == 1 &&
         // The buffer is copied.
         TS_MSG_IMPRINT_set_msg(
             imprint.get(),
             reinterpret_cast<unsigned char*>(const_cast<std::byte*>(digest.data())),
             static_cast<int>(digest.size())) == 1 &&
         TS_REQ_set_msg_imprint(&request, imprint.get()) == 1;
}

/// As long as notation's. The highest bit is set so that no zero stands in front.
Result<Bytes> make_nonce() {
  constexpr int kNonceBits = 159;
  const BignumPtr number(BN_new());
  if (!number || BN_rand(number.get(), kNonceBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1) {
    return failed();
  }
  Bytes nonce(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(nonce.data()));
  return nonce;
}

bool set_nonce(TS_REQ& request, const Bytes& nonce) {
  const BignumPtr number(BN_bin2bn(reinterpret_cast<const unsigned char*>(nonce.data()),
                                   static_cast<int>(nonce.size()),
                                   nullptr));
  const IntegerPtr integer(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
  return integer && TS_REQ_set_nonce(&request, integer.get()) == 1;
}

/// PKIStatusInfo ::= SEQUENCE { status INTEGER, statusString …, failInfo … }.
Status check_status(ByteView content) {
  constexpr auto kGranted = std::byte{0};
  constexpr auto kGrantedWithMods = std::byte{1};
  DerReader reader(content);
  const ByteView status = MOSB_TRY(reader.next(kDerInteger)).content;
  if (status.size() == 1 && (status[0] == kGranted || status[0] == kGrantedWithMods)) {
    return ok();
  }
  std::string words;
  if (reader.next_is(kDerSequence)) {
    DerReader texts(MOSB_TRY(reader.next()).content);
    const ByteView text = MOSB_TRY(texts.next(kDerUtf8String)).content;
    words = ": " + quote({reinterpret_cast<const char*>(text.data()), text.size()});
  }
  return bad_reply("refuses a timestamp" + words);
}

/// TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }.
Result<Bytes> take_token(ByteView reply) {
  DerReader outer(reply);
  DerReader members(MOSB_TRY(outer.next(kDerSequence)).content);
  MOSB_CHECK(check_status(MOSB_TRY(members.next(kDerSequence)).content));
  const ByteView token = MOSB_TRY(members.next(kDerSequence)).whole;
  if (!members.at_end() || !outer.at_end()) {
    return bad_reply("has something behind it");
  }
  return Bytes(token.begin(), token.end());
}

}  // namespace

Result<TimestampQuery> TimestampQuery::make(Sha2 hash, ByteView message) {
  const TsReqPtr request(TS_REQ_new());
  Bytes imprint = hash_of(hash, message);
  Bytes nonce = MOSB_TRY(make_nonce());
  if (!request || imprint.empty() || TS_REQ_set_version(request.get(), 1) != 1 ||
      !set_imprint(*request, hash, imprint) || !set_nonce(*request, nonce) ||
      TS_REQ_set_cert_req(request.get(), 1) != 1) {
    return failed();
  }
  const int length = i2d_TS_REQ(request.get(), nullptr);
  std::string der(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  if (length <= 0 || i2d_TS_REQ(request.get(), &out) != length) {
    return failed();
  }
  return TimestampQuery(std::move(der), std::move(imprint), hash, std::move(nonce));
}

Result<Bytes> TimestampQuery::read_reply(ByteView reply) const {
  Bytes token = MOSB_TRY(take_token(reply).context("malformed reply of a timestamping authority"));
  const TimestampToken parsed = MOSB_TRY(TimestampToken::parse(token));
  if (parsed.info().imprint_hash != hash_ || parsed.info().imprint != imprint_) {
    return bad_reply("is about something else");
  }
  if (parsed.info().nonce != nonce_) {
    return bad_reply("is not the one to this query: its nonce differs");
  }
  return token;
}

}  // namespace mosb::trust
