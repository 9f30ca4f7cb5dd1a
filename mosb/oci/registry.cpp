#include "mosb/oci/registry.h"

#include <algorithm>
#include <span>
#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_upload.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/referrers.h"
#include "mosb/oci/registry_session.h"

namespace mosb::oci {

namespace {

constexpr ByteCount kMaxCaFile{16 * kMiB};
constexpr int kRangeNotSatisfiable = 416;

/// Docker Hub's API is not at the name that its images carry.
std::string api_host(const std::string& host) {
  return host == "docker.io" || host == "index.docker.io" ? "registry-1.docker.io" : host;
}

const std::vector<std::string>& manifest_types() {
  static const std::vector<std::string> types = {
      kImageManifest, kImageIndex, kDockerManifest, kDockerManifestList};
  return types;
}

std::string blob_name(const Descriptor& descriptor, const RegistrySession& session) {
  return "blob " + descriptor.digest.str() + " of " + session.name();
}

}  // namespace

Result<Registry> Registry::open(const std::string& host,
                                const std::string& repository,
                                RegistryOptions options,
                                HttpClient& http) {
  const auto origin =
      Url::parse((options.insecure ? "http://" : "https://") + api_host(host) + "/");
  if (!origin || origin->target != "/") {
    return Error(Errc::kUsage, "no such registry host: " + quote(host));
  }
  if (repository.empty() || repository.find_first_not_of(
                                "abcdefghijklmnopqrstuvwxyz0123456789._/-") != std::string::npos) {
    return Error(Errc::kUsage, "no such repository name: " + quote(repository));
  }
  if (!options.ca_file.empty()) {
    MOSB_CHECK(read_named_file(options.ca_file, kMaxCaFile)
                   .context("certificate authority file of registry " + host)
                   .as(Errc::kUsage));
  }
  HttpPolicy policy{.plain_http = options.insecure,
                    .ca_file = std::move(options.ca_file),
                    .use_environment_proxy = options.use_environment_proxy,
                    .timeouts = options.timeouts};
  return Registry(std::make_unique<RegistrySession>(
      AuthOptions{.origin = *origin,
                  .repository = repository,
                  .credentials = std::move(options.credentials),
                  .trusted_realms = std::move(options.trusted_realms),
                  .policy = std::move(policy)},
      http,
      options.retries));
}

Registry::Registry(std::unique_ptr<RegistrySession> session) : session_(std::move(session)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

Result<Descriptor> Registry::resolve(const Reference& reference) {
  if (!reference.digest && !reference.tag) {
    return Error(Errc::kUsage, session_->name() + ": neither a tag nor a digest");
  }
  const std::string name = reference.digest ? reference.digest->str() : *reference.tag;
  FetchedManifest fetched = MOSB_TRY(session_->get_manifest(name, manifest_types(), std::nullopt));
  if (reference.digest && fetched.descriptor.digest != *reference.digest) {
    return Error(Errc::kContent,
                 "manifest " + name + " of " + session_->name() + ": its digest is " +
                     fetched.descriptor.digest.str());
  }
  session_->last_manifest() = std::move(fetched);
  return session_->last_manifest()->descriptor;
}

Result<std::string> Registry::read_manifest(const Descriptor& descriptor) {
  const std::string what = "manifest " + descriptor.digest.str() + " of " + session_->name();
  if (descriptor.size > kMaxManifestSize.value) {
    return Error(Errc::kContent,
                 what + " has " + std::to_string(descriptor.size) + " bytes, more than " +
                     std::to_string(kMaxManifestSize.value));
  }
  const auto& last = session_->last_manifest();
  if (last && same_content(last->descriptor, descriptor)) {
    return last->bytes;
  }
  FetchedManifest fetched = MOSB_TRY(
      session_->get_manifest(descriptor.digest.str(), {descriptor.media_type}, descriptor.size));
  MOSB_CHECK(check_content(descriptor, fetched.bytes).context(what));
  session_->last_manifest() = std::move(fetched);
  return session_->last_manifest()->bytes;
}

Result<unsigned> Registry::stream_blob(const Descriptor& descriptor,
                                       std::uint64_t from,
                                       const BlobSink& sink) {
  HttpRequest get =
      RegistrySession::request(HttpMethod::kGet, session_->url("blobs/" + descriptor.digest.str()));
  get.max_body = ByteCount{descriptor.size};
  get.exact_size = descriptor.size;
  get.offset = from;
  get.sink = sink;
  const HttpResponse response = MOSB_TRY(session_->send(std::move(get), Access::kPull));
  if (response.status != 200) {
    Error refusal = session_->refusal(response, blob_name(descriptor, *session_));
    return response.status == kRangeNotSatisfiable ? std::move(refusal).as(Errc::kContent)
                                                   : refusal;
  }
  return response.parts;
}

Status Registry::read_part(const Descriptor& descriptor,
                           std::uint64_t from,
                           std::span<std::byte> out) {
  const std::string what = "a part of " + blob_name(descriptor, *session_);
  HttpRequest get =
      RegistrySession::request(HttpMethod::kGet, session_->url("blobs/" + descriptor.digest.str()));
  get.max_body = ByteCount{out.size()};
  get.part = HttpPart{.offset = from, .length = out.size(), .size = descriptor.size};
  const HttpResponse response =
      MOSB_TRY(session_->send(std::move(get), Access::kPull).context(what));
  if (response.status != 206) {
    Error refusal = session_->refusal(response, what);
    return response.status == kRangeNotSatisfiable ? std::move(refusal).as(Errc::kContent)
                                                   : refusal;
  }
  std::ranges::copy(std::as_bytes(std::span(response.body)), out.begin());
  return ok();
}

Result<std::vector<Descriptor>> Registry::referrers(const Descriptor& subject,
                                                    const std::string& artifact_type) {
  return list_referrers(*session_, subject.digest, artifact_type)
      .context("referrers of " + subject.digest.str());
}

Status Registry::push_blob(const Descriptor& descriptor, const BlobSource& source) {
  return upload_blob(*session_, descriptor, source)
      .context("push " + blob_name(descriptor, *session_));
}

Status Registry::push_manifest(const Descriptor& descriptor,
                               std::string_view bytes,
                               const std::optional<std::string>& tag) {
  MOSB_CHECK(check_content(descriptor, bytes).context("push a manifest to " + session_->name()));
  MOSB_CHECK(
      session_->put_manifest(tag.value_or(descriptor.digest.str()), descriptor.media_type, bytes));
  return ok();
}

Status Registry::push_referrer(const Descriptor& manifest,
                               std::string_view bytes,
                               const Descriptor& subject) {
  const std::string what = "push a referrer of " + subject.digest.str() + " to " + session_->name();
  MOSB_CHECK(check_content(manifest, bytes).context(what));
  const Json entry = MOSB_TRY(referrer_entry(manifest, bytes).context(what));
  const HttpResponse response =
      MOSB_TRY(session_->put_manifest(manifest.digest.str(), manifest.media_type, bytes));
  const auto listed = MOSB_TRY(response.headers.find("OCI-Subject").context(what));
  if (!listed) {
    return add_to_referrers_tag(*session_, subject.digest, entry).context(what);
  }
  if (*listed != subject.digest.str()) {
    return Error(Errc::kContent, what + ": the registry took its subject for " + quote(*listed));
  }
  return ok();
}

}  // namespace mosb::oci
