#include "mosb/trust/crl_cache.h"

#include <utility>

#include "mosb/base/base64.h"
#include "mosb/base/digest.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/sys.h"

namespace mosb::trust {

namespace {

/// Two lists in base64.
constexpr ByteCount kMaxFile{(2 * kMaxCrl.value) / 3 * 4 + kKiB};

Result<Crl> read_list(const Json& document, const char* name) {
  return Crl::parse(MOSB_TRY(base64_decode(MOSB_TRY(json::require_string(document, name)))));
}

Result<CrlBundle> read_bundle(const std::string& path) {
  const Json document = MOSB_TRY(json::parse(MOSB_TRY(read_file(path, kMaxFile)), kMaxFile));
  if (!document.is_object()) {
    return Error(Errc::kContent, "it is no object");
  }
  CrlBundle bundle{MOSB_TRY(read_list(document, "baseCRL")), std::nullopt};
  if (document.contains("deltaCRL")) {
    bundle.delta = MOSB_TRY(read_list(document, "deltaCRL"));
  }
  return bundle;
}

Status write_bundle(const std::string& dir, const std::string& path, const CrlBundle& bundle) {
  constexpr mode_t kDirectoryMode = 0700;
  constexpr mode_t kFileMode = 0600;
  Json document{{"baseCRL", base64_encode(bundle.base.der())}};
  if (bundle.delta) {
    document["deltaCRL"] = base64_encode(bundle.delta->der());
  }
  MOSB_CHECK(sys::mkdir_all(dir, kDirectoryMode));
  return write_file_atomic(path, document.dump(), kFileMode);
}

}  // namespace

std::string CrlCache::path_of(const std::string& url) const {
  return dir_ + "/crl/" + Digest::of(url).hex();
}

std::optional<CrlBundle> CrlCache::find(const std::string& url, SystemTime now) const {
  if (dir_.empty()) {
    return std::nullopt;
  }
  auto bundle = read_bundle(path_of(url));
  if (!bundle || !bundle->base.is_current(now) ||
      (bundle->delta && !bundle->delta->is_current(now))) {
    return std::nullopt;
  }
  return *std::move(bundle);
}

void CrlCache::keep(const std::string& url, const CrlBundle& bundle) const {
  if (!dir_.empty()) {
    (void)write_bundle(dir_ + "/crl", path_of(url), bundle);
  }
}

}  // namespace mosb::trust
