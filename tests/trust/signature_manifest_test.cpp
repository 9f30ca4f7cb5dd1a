#include "mosb/trust/signature_manifest.h"

#include <catch2/catch.hpp>

#include "mosb/oci/media_types.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

constexpr char kArtifactManifest[] = "application/vnd.oci.artifact.manifest.v1+json";
constexpr char kEnvelope[] = "an envelope";

/// A layout with an envelope in it.
struct Place {
  TempDir temp = test::make_temp_dir();
  oci::Layout layout = must(oci::Layout::open_or_create(temp.path() + "/layout"));
  oci::Descriptor envelope = oci::describe(oci::kJws, kEnvelope);

  Place() { must(layout.push_blob(envelope, oci::BlobSource::bytes(kEnvelope))); }

  /// What is read by a manifest of that media type, where the envelope is listed in `members`.
  Result<AttachedSignature> read(const char* media_type, const std::vector<const char*>& members) {
    Json manifest{{"mediaType", media_type},
                  {"artifactType", oci::kNotarySignature},
                  {"subject", oci::to_json(test::vector_subject())}};
    for (const char* const member : members) {
      manifest[member] = Json::array({oci::to_json(envelope)});
    }
    const std::string bytes = manifest.dump();
    const oci::Descriptor referrer = oci::describe(media_type, bytes);
    must(layout.push_blob(referrer, oci::BlobSource::bytes(bytes)));
    return read_signature(layout, referrer);
  }
};

/// A repository that fails at every read.
class Away final : public oci::Repository {
 public:
  explicit Away(Errc code) : error_(code, "away") {}

  Result<oci::Descriptor> resolve(const oci::Reference& /*reference*/) override { return error_; }
  Result<std::string> read_manifest(const oci::Descriptor& /*descriptor*/) override {
    return error_;
  }
  Result<unsigned> stream_blob(const oci::Descriptor& /*descriptor*/,
                               std::uint64_t /*from*/,
                               const oci::BlobSink& /*sink*/) override {
    return error_;
  }
  Result<std::vector<oci::Descriptor>> referrers(const oci::Descriptor& /*subject*/,
                                                 const std::string& /*artifact_type*/) override {
    return error_;
  }
  Status push_blob(const oci::Descriptor& /*descriptor*/,
                   const oci::BlobSource& /*source*/) override {
    return error_;
  }
  Status push_manifest(const oci::Descriptor& /*descriptor*/,
                       std::string_view /*bytes*/,
                       const std::optional<std::string>& /*tag*/) override {
    return error_;
  }
  Status push_referrer(const oci::Descriptor& /*manifest*/,
                       std::string_view /*bytes*/,
                       const oci::Descriptor& /*subject*/) override {
    return error_;
  }

 private:
  Error error_;
};

TEST_CASE("an envelope is a layer of an image manifest or a blob of an artifact manifest",
          "[trust]") {
  Place place;
  for (const auto& [type, right, wrong] : {std::tuple(oci::kImageManifest, "layers", "blobs"),
                                           std::tuple(kArtifactManifest, "blobs", "layers")}) {
    INFO(type);
    const AttachedSignature signature = must(place.read(type, {right}));
    CHECK(signature.envelope == kEnvelope);
    CHECK(signature.media_type == oci::kJws);
    const auto misplaced = place.read(type, {wrong});
    REQUIRE_FALSE(misplaced);
    CHECK(misplaced.error().code() == Errc::kContent);
    CHECK(misplaced.error().message().find(right) != std::string::npos);
  }
}

TEST_CASE("a manifest of any other media type holds no signature", "[trust]") {
  Place place;
  for (const char* const type :
       {oci::kImageIndex, oci::kDockerManifest, oci::kNotarySignature, oci::kJws}) {
    INFO(type);
    const auto signature = place.read(type, {"layers", "blobs"});
    REQUIRE_FALSE(signature);
    CHECK(signature.error().code() == Errc::kContent);
    CHECK(signature.error().message().find("not a signature manifest's") != std::string::npos);
  }
}

TEST_CASE("a signature that is listed and missing is bad content, one that is out of reach is not",
          "[trust]") {
  const oci::Descriptor referrer = oci::describe(oci::kImageManifest, "{}");
  for (const auto& [failure, told] : {std::pair(Errc::kNotFound, Errc::kContent),
                                      std::pair(Errc::kNetwork, Errc::kNetwork),
                                      std::pair(Errc::kContent, Errc::kContent)}) {
    Away away(failure);
    const auto signature = read_signature(away, referrer);
    REQUIRE_FALSE(signature);
    CHECK(signature.error().code() == told);
    CHECK(signature.error().message().find(referrer.digest.str()) != std::string::npos);
  }
}

}  // namespace
}  // namespace mosb::trust
