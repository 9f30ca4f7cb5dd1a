#include "mosb/trust/timestamp_info.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/trust/cms_handles.h"

namespace mosb::trust {

namespace {

using Microseconds = std::chrono::microseconds;
using PreciseTime = std::chrono::sys_time<Microseconds>;

/// An authority that is off by more than this says nothing, and larger numbers could overflow.
constexpr std::int64_t kMostAccuracySeconds = 1'000'000'000;

Error malformed(const std::string& what) {
  ERR_clear_error();
  return Error(Errc::kSignature, "malformed timestamp: " + what);
}

/// genTime to the microsecond: rounded down and rounded up.
struct GenTime {
  PreciseTime from;
  PreciseTime to;
};

/// Digits behind the point, without a last 0. RFC 3161 §2.4.2.
bool is_fraction(std::string_view text) {
  return !text.empty() && text.back() != '0' &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

GenTime add_fraction(SystemTime time, std::string_view digits) {
  constexpr std::size_t kMicroDigits = 6;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < kMicroDigits; ++i) {
    count = count * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  }
  const PreciseTime from = time + Microseconds(count);
  return {from, from + Microseconds(digits.size() > kMicroDigits ? 1 : 0)};
}

/// "20261122103000Z" or "20261122103000.5Z".
Result<GenTime> decode_time(const ASN1_GENERALIZEDTIME* time) {
  constexpr std::size_t kWholeDigits = 14;
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)),
                              static_cast<std::size_t>(ASN1_STRING_length(time)));
  std::tm parts{};
  if (text.size() <= kWholeDigits || text.back() != 'Z' ||
      text.substr(0, kWholeDigits).find_first_not_of("0123456789") != std::string_view::npos ||
      ASN1_TIME_to_tm(time, &parts) != 1) {
    return malformed("its time is not one in UTC");
  }
  const std::string_view rest = text.substr(kWholeDigits, text.size() - kWholeDigits - 1);
  if (!rest.empty() && (rest.front() != '.' || !is_fraction(rest.substr(1)))) {
    return malformed("the fraction of its time");
  }
  return add_fraction(SystemTime(std::chrono::seconds(::timegm(&parts))),
                      rest.substr(rest.empty() ? 0 : 1));
}

Result<std::int64_t> decode_part(const ASN1_INTEGER* part, std::int64_t most) {
  std::int64_t value = 0;
  if (part == nullptr) {
    return value;
  }
  if (ASN1_INTEGER_get_int64(&value, part) != 1 || value < 0 || value > most) {
    return malformed("accuracy");
  }
  return value;
}

/// Spec: ETSI EN 319 421, best practices policy: accuracy of a second or better.
bool is_best_practices(const ASN1_OBJECT* policy) {
  constexpr std::string_view kPolicy = "0.4.0.2023.1.1";
  std::array<char, 64> text{};
  return OBJ_obj2txt(text.data(), text.size(), policy, 1) == static_cast<int>(kPolicy.size()) &&
         text.data() == kPolicy;
}

Result<Microseconds> decode_accuracy(TS_TST_INFO& info) {
  constexpr std::int64_t kMostThousandths = 999;
  Microseconds total{0};
  if (const TS_ACCURACY* const accuracy = TS_TST_INFO_get_accuracy(&info)) {
    const std::int64_t seconds =
        MOSB_TRY(decode_part(TS_ACCURACY_get_seconds(accuracy), kMostAccuracySeconds));
    const std::int64_t millis =
        MOSB_TRY(decode_part(TS_ACCURACY_get_millis(accuracy), kMostThousandths));
    const std::int64_t micros =
        MOSB_TRY(decode_part(TS_ACCURACY_get_micros(accuracy), kMostThousandths));
    total =
        std::chrono::seconds(seconds) + std::chrono::milliseconds(millis) + Microseconds(micros);
  }
  if (total.count() == 0 && is_best_practices(TS_TST_INFO_get_policy_id(&info))) {
    return Microseconds(std::chrono::seconds(1));
  }
  return total;
}

Status decode_imprint(TS_TST_INFO& info, TimestampInfo& decoded) {
  TS_MSG_IMPRINT* const imprint = TS_TST_INFO_get_msg_imprint(&info);
  const X509_ALGOR* const algorithm = TS_MSG_IMPRINT_get_algo(imprint);
  const ASN1_OBJECT* oid = nullptr;
  X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm);
  const auto hash = sha2_of_nid(OBJ_obj2nid(oid));
  if (!hash) {
    return Error(Errc::kSignature,
                 "the timestamp's hash is not accepted (SHA-256, SHA-384 or SHA-512 is required)");
  }
  const ASN1_OCTET_STRING* const digest = TS_MSG_IMPRINT_get_msg(imprint);
  const auto* const first = reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(digest));
  decoded.imprint_hash = *hash;
  decoded.imprint.assign(first, first + ASN1_STRING_length(digest));
  return ok();
}

std::optional<Bytes> decode_nonce(const TS_TST_INFO& info) {
  const ASN1_INTEGER* const nonce = TS_TST_INFO_get_nonce(&info);
  if (nonce == nullptr) {
    return std::nullopt;
  }
  const auto* const first = reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(nonce));
  return Bytes(first, first + ASN1_STRING_length(nonce));
}

}  // namespace

Result<TimestampInfo> TimestampInfo::parse(ByteView der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  const TstInfoPtr info(d2i_TS_TST_INFO(nullptr, &at, static_cast<long>(der.size())));
  if (!info) {
    return malformed(take_openssl_error());
  }
  if (at != end) {
    return malformed("something follows its TSTInfo");
  }
  if (TS_TST_INFO_get_version(info.get()) != 1) {
    return malformed("its version is not 1");
  }
  TimestampInfo decoded;
  MOSB_CHECK(decode_imprint(*info, decoded));
  const GenTime time = MOSB_TRY(decode_time(TS_TST_INFO_get_time(info.get())));
  const Microseconds accuracy = MOSB_TRY(decode_accuracy(*info));
  decoded.time = std::chrono::floor<std::chrono::seconds>(time.from);
  decoded.earliest = std::chrono::floor<std::chrono::seconds>(time.from - accuracy);
  decoded.latest = std::chrono::ceil<std::chrono::seconds>(time.to + accuracy);
  decoded.nonce = decode_nonce(*info);
  return decoded;
}

Status TimestampInfo::check_imprint(ByteView message) const {
  const Bytes wanted = hash_of(imprint_hash, message);
  if (wanted.empty() || wanted != imprint) {
    return Error(Errc::kSignature, "the timestamp is about another signature");
  }
  return ok();
}

Status TimestampInfo::check_within_validity(const std::vector<Certificate>& chain) const {
  for (const Certificate& certificate : chain) {
    const CertificateFields& fields = certificate.fields();
    const std::string who = "certificate " + quote(fields.subject);
    if (earliest < fields.not_before) {
      return Error(Errc::kSignature,
                   "the timestamp can be of " + to_rfc3339(earliest) + ", and " + who +
                       " is not valid before " + to_rfc3339(fields.not_before));
    }
    if (latest > fields.not_after) {
      return Error(Errc::kSignature,
                   "the timestamp can be of " + to_rfc3339(latest) + ", and " + who +
                       " expired at " + to_rfc3339(fields.not_after));
    }
  }
  return ok();
}

}  // namespace mosb::trust
