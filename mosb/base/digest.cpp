#include "mosb/base/digest.h"

#include <algorithm>
#include <cstdlib>

#include <openssl/evp.h>

#include "mosb/base/hex.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

constexpr std::string_view kPrefix = "sha256:";

/// EVP calls on a valid context fail only for want of memory; there is no way to go on without a
/// digest.
void require(int ok) {
  if (ok != 1) {
    std::abort();
  }
}

}  // namespace

struct Hasher::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  Context() { require(md != nullptr ? EVP_DigestInit_ex(md, EVP_sha256(), nullptr) : 0); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  Context(Context&&) = delete;
  Context& operator=(Context&&) = delete;
  ~Context() { EVP_MD_CTX_free(md); }
};

Hasher::Hasher() : context_(std::make_unique<Context>()) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()));
}

void Hasher::update(std::string_view bytes) {
  update(std::as_bytes(std::span(bytes)));
}

Digest Hasher::finish() {
  Sha256 out{};
  // reinterpret_cast: OpenSSL wants unsigned char, which may alias anything.
  require(EVP_DigestFinal_ex(context_->md, reinterpret_cast<unsigned char*>(out.data()), nullptr));
  require(EVP_DigestInit_ex(context_->md, nullptr, nullptr));
  return Digest(out);
}

Result<Digest> Digest::parse(std::string_view text) {
  const auto malformed = [&] { return Error(Errc::kContent, "malformed digest " + quote(text)); };
  if (text.substr(0, kPrefix.size()) != kPrefix ||
      text.size() != kPrefix.size() + 2 * kSha256Size) {
    return malformed();
  }
  const auto bytes = from_hex(text.substr(kPrefix.size()));
  if (!bytes) {
    return malformed();
  }
  Sha256 value{};
  std::copy(bytes->begin(), bytes->end(), value.begin());
  return Digest(value);
}

Digest Digest::of(std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

Digest Digest::of(std::string_view bytes) {
  return of(std::as_bytes(std::span(bytes)));
}

std::string Digest::str() const {
  return std::string(kPrefix) + hex();
}

std::string Digest::hex() const {
  return to_hex(bytes_);
}

}  // namespace mosb
