#include "mosb/trust/revocation.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include "mosb/base/base64.h"
#include "mosb/base/text.h"
#include "mosb/trust/crl_cache.h"
#include "mosb/trust/ocsp.h"
#include "mosb/trust/ocsp_cache.h"

namespace mosb::trust {

namespace {

/// notation's.
constexpr std::chrono::seconds kOcspTimeout{2};
constexpr std::chrono::seconds kCrlTimeout{5};
/// A certificate that names more servers is not asked about.
constexpr std::size_t kMaxUrls = 8;

enum class Verdict { kGood, kRevoked };

Error unknown(const std::string& why) {
  return {Errc::kSignature, why};
}

/// Responses and lists are signed, and whoever serves them over TLS would need a certificate whose
/// revocation would have to be asked about.
Status check_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  return url.size() > kScheme.size() && std::equal(kScheme.begin(),
                                                   kScheme.end(),
                                                   url.begin(),
                                                   [&](char b, char a) { return same(a, b); })
             ? ok()
             : Status(unknown("only http is asked"));
}

/// Base64 as a part of a URL's path.
std::string in_path(const std::string& base64) {
  std::string text;
  for (const char c : base64) {
    text += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string(1, c);
  }
  return text;
}

/// Asks about one certificate and its issuer.
class Inquiry {
 public:
  Inquiry(const Certificate& certificate,
          const Certificate& issuer,
          const RevocationQuestion& question)
      : certificate_(certificate),
        issuer_(issuer),
        question_(question),
        cache_(question.sources->cache_dir) {}

  Result<Verdict> find_out() {
    const CertificateFields& fields = certificate_.fields();
    if (fields.ocsp_urls.size() > kMaxUrls || fields.crl_urls.size() > kMaxUrls) {
      return unknown("it names too many servers");
    }
    if (fields.ocsp_urls.empty()) {
      return by_crls();
    }
    auto verdict = by_ocsp();
    if (verdict || fields.crl_urls.empty()) {
      return verdict;
    }
    return by_crls().context(verdict.error().message());
  }

 private:
  /// Whether something that is true since then was not yet so when the signature was made.
  bool came_later(const std::optional<SystemTime>& since) const {
    return since && question_.signing_time && *question_.signing_time < *since;
  }

  WebRequest ocsp_request(std::string url, const std::string& der) const {
    // RFC 5019 §5: what fits is asked by GET, for the sake of caches on the way.
    constexpr std::size_t kMaxInUrl = 255;
    const std::string encoded = in_path(base64_encode(as_bytes(der)));
    if (encoded.size() >= kMaxInUrl) {
      return {.url = std::move(url),
              .content = WebRequest::Content{"application/ocsp-request", der},
              .max_answer = kMaxOcspResponse,
              .timeout = kOcspTimeout};
    }
    url += (url.back() == '/' ? "" : "/") + encoded;
    return {.url = std::move(url),
            .content = std::nullopt,
            .max_answer = kMaxOcspResponse,
            .timeout = kOcspTimeout};
  }

  Result<OcspStatus> read(std::string_view response) const {
    OcspStatus status =
        MOSB_TRY(read_ocsp_response(as_bytes(response), certificate_, issuer_, question_.now));
    if (const auto& delegate = status.revocable_delegate) {
      MOSB_CHECK(check_delegate(*delegate).context("the responder's certificate"));
    }
    return status;
  }

  /// By its CRLs only: a responder could hardly be believed about itself. One that names none is
  /// left to its validity.
  Status check_delegate(const Certificate& delegate) const {
    // When the signature was made says nothing about the responder.
    const RevocationQuestion now{question_.sources, question_.now};
    if (delegate.fields().crl_urls.size() > kMaxUrls) {
      return unknown("it names too many servers");
    }
    return MOSB_TRY(Inquiry(delegate, issuer_, now).by_crls()) == Verdict::kGood
               ? ok()
               : Status(unknown("it is revoked"));
  }

  Result<OcspStatus> ask_responder(const std::string& url, const std::string& request) {
    MOSB_CHECK(check_url(url));
    const WebAnswer answer = MOSB_TRY(question_.sources->web->ask(ocsp_request(url, request)));
    const OcspStatus status = MOSB_TRY(read(answer.bytes));
    if (OcspCache* const cache = question_.sources->ocsp_cache;
        cache != nullptr && status.kind != OcspStatus::Kind::kUnknown) {
      cache->keep(request, issuer_, answer.bytes);
    }
    return status;
  }

  std::optional<OcspStatus> find_kept(const std::string& request) const {
    const OcspCache* const cache = question_.sources->ocsp_cache;
    const auto response = cache == nullptr ? std::nullopt : cache->find(request, issuer_);
    const auto status = response ? read(*response) : Result<OcspStatus>(unknown("nothing is kept"));
    return status ? std::optional(*status) : std::nullopt;
  }

  Verdict judge(const OcspStatus& status) const {
    return status.kind == OcspStatus::Kind::kGood || came_later(status.invalid_since)
               ? Verdict::kGood
               : Verdict::kRevoked;
  }

  /// The first responder that knows anything is believed.
  Result<Verdict> by_ocsp() {
    const std::string request = MOSB_TRY(make_ocsp_request(certificate_, issuer_));
    if (const auto kept = find_kept(request)) {
      return judge(*kept);
    }
    Error reason = unknown("nobody was asked");
    for (const std::string& url : certificate_.fields().ocsp_urls) {
      const auto status = ask_responder(url, request).context("OCSP responder " + quote(url));
      if (!status) {
        reason = status.error();
        continue;
      }
      if (status->kind == OcspStatus::Kind::kUnknown) {
        return unknown("OCSP responder " + quote(url) + " does not know the certificate");
      }
      return judge(*status);
    }
    return reason;
  }

  Result<Crl> fetch(const std::string& url) {
    MOSB_CHECK(check_url(url));
    const WebAnswer answer = MOSB_TRY(question_.sources->web->ask(
        {.url = url, .content = std::nullopt, .max_answer = kMaxCrl, .timeout = kCrlTimeout}));
    return Crl::parse(as_bytes(answer.bytes));
  }

  Result<Crl> fetch_delta(const std::vector<std::string>& urls) {
    Error reason = unknown("the CRL's freshest CRL has no URL");
    for (std::size_t i = 0; i < std::min(urls.size(), kMaxUrls); ++i) {
      auto delta = fetch(urls[i]).context("delta CRL " + quote(urls[i]));
      if (delta) {
        return delta;
      }
      reason = delta.error();
    }
    return reason;
  }

  Status check(const CrlBundle& bundle) const {
    MOSB_CHECK(bundle.base.check_base());
    MOSB_CHECK(bundle.base.check(issuer_, certificate_, question_.now));
    if (bundle.base.delta_urls().has_value() != bundle.delta.has_value()) {
      return unknown("a delta CRL is missing or nobody's");
    }
    if (!bundle.delta) {
      return certificate_.fields().has_freshest_crl
                 ? Status(unknown("the certificate names a delta CRL, and its CRL does not"))
                 : ok();
    }
    MOSB_CHECK(bundle.delta->check(issuer_, certificate_, question_.now));
    return bundle.delta->check_delta_of(bundle.base);
  }

  Result<CrlBundle> load(const std::string& url) {
    if (auto kept = cache_.find(url, question_.now); kept && check(*kept)) {
      return *std::move(kept);
    }
    CrlBundle bundle{MOSB_TRY(fetch(url)), std::nullopt};
    if (const auto& urls = bundle.base.delta_urls()) {
      bundle.delta = MOSB_TRY(fetch_delta(*urls));
    }
    MOSB_CHECK(check(bundle));
    cache_.keep(url, bundle);
    return bundle;
  }

  /// Of holds and their ends the newest decides; anything else revokes for good.
  Verdict judge(const std::vector<CrlEntry>& entries) const {
    const CrlEntry* newest = nullptr;
    for (const CrlEntry& entry : entries) {
      if (came_later(entry.invalid_since)) {
        continue;
      }
      if (entry.kind == CrlEntry::Kind::kRevoked) {
        return Verdict::kRevoked;
      }
      if (newest == nullptr || newest->revoked_at < entry.revoked_at) {
        newest = &entry;
      }
    }
    return newest != nullptr && newest->kind == CrlEntry::Kind::kOnHold ? Verdict::kRevoked
                                                                        : Verdict::kGood;
  }

  Result<Verdict> by_crl(const std::string& url) {
    const CrlBundle bundle = MOSB_TRY(load(url));
    std::vector<CrlEntry> entries = MOSB_TRY(bundle.base.entries_of(certificate_));
    if (bundle.delta) {
      const auto more = MOSB_TRY(bundle.delta->entries_of(certificate_));
      entries.insert(entries.end(), more.begin(), more.end());
    }
    return judge(entries);
  }

  /// Each list may have what another one lacks, so that none may be missing.
  Result<Verdict> by_crls() {
    for (const std::string& url : certificate_.fields().crl_urls) {
      if (MOSB_TRY(by_crl(url).context("CRL " + quote(url))) == Verdict::kRevoked) {
        return Verdict::kRevoked;
      }
    }
    return Verdict::kGood;
  }

  const Certificate& certificate_;
  const Certificate& issuer_;
  const RevocationQuestion& question_;
  CrlCache cache_;
};

Result<Verdict> find_out(const Certificate& certificate,
                         const Certificate& issuer,
                         const RevocationQuestion& question) {
  if (!certificate.fields().has_revocation_url()) {
    return Verdict::kGood;
  }
  if (question.sources == nullptr) {
    return unknown("nobody was asked");
  }
  if (question.sources->is_settled) {
    return Verdict::kGood;
  }
  return Inquiry(certificate, issuer, question).find_out();
}

/// About each certificate but the last, all at once: a silent server must not be waited for once
/// per certificate.
std::vector<Result<Verdict>> find_out_about(const std::vector<Certificate>& chain,
                                            const RevocationQuestion& question) {
  std::vector<Result<Verdict>> verdicts;
  std::vector<std::jthread> others;
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    verdicts.emplace_back(unknown("nobody was asked"));
  }
  const auto settle = [&](std::size_t i) {
    verdicts[i] = find_out(chain[i], chain[i + 1], question);
  };
  for (std::size_t i = 1; i < verdicts.size(); ++i) {
    if (chain[i].fields().has_revocation_url()) {
      others.emplace_back(settle, i);
    } else {
      settle(i);
    }
  }
  if (!verdicts.empty()) {
    settle(0);
  }
  // This waits for them.
  others.clear();
  return verdicts;
}

}  // namespace

Status check_revocation(const std::vector<Certificate>& chain, const RevocationQuestion& question) {
  const std::vector<Result<Verdict>> verdicts = find_out_about(chain, question);
  std::optional<Error> undetermined;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const std::string who = "certificate " + quote(chain[i].fields().subject);
    const Result<Verdict>& verdict = verdicts[i];
    if (verdict && *verdict == Verdict::kRevoked) {
      return Error(Errc::kSignature, who + " is revoked")
          .with_hint("the publisher must sign with a certificate that is not");
    }
    if (!verdict && !undetermined) {
      undetermined =
          Error(Errc::kSignature,
                "whether " + who + " is revoked cannot be found out: " + verdict.error().message());
    }
  }
  const bool passes = question.sources != nullptr && question.sources->silence_passes;
  return undetermined && !passes ? Status(*std::move(undetermined)) : ok();
}

}  // namespace mosb::trust
