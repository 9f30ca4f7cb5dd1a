#include "mosb/oci/image_copy.h"

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/index.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/media_types.h"

namespace mosb::oci {

namespace {

/// A signature of a bill of materials of an image; nobody goes deeper.
constexpr int kMaxReferrerDepth = 3;

/// Brings blobs to the destination that it lacks.
using CopyBlobs = std::function<Status(const std::vector<Descriptor>&)>;

class ImageCopy {
 public:
  ImageCopy(Repository& from,
            Repository& to,
            const CopyRequest& request,
            CopyBlobs copy_blobs,
            Descriptor manifest)
      : from_(from),
        to_(to),
        request_(request),
        copy_blobs_(std::move(copy_blobs)),
        copied_{.manifest = std::move(manifest)} {}

  Result<CopiedImage> run() {
    const std::string bytes = MOSB_TRY(copy_content(copied_.manifest, 0));
    MOSB_CHECK(copy_referrers(0));
    MOSB_CHECK(to_.push_manifest(copied_.manifest, bytes, request_.to.tag));
    return copied_;
  }

 private:
  /// What a manifest or index names, and it itself, without a tag. The value is its bytes.
  Result<std::string> copy_content(const Descriptor& descriptor, int depth) {
    const std::string what = descriptor.digest.str();
    std::string bytes = MOSB_TRY(from_.read_manifest(descriptor).context(what));
    if (is_index_type(descriptor.media_type)) {
      MOSB_CHECK(
          copy_listed(MOSB_TRY(Index::parse(bytes, descriptor.media_type).context(what)), depth)
              .context("index " + what));
    } else if (is_manifest_type(descriptor.media_type)) {
      MOSB_CHECK(copy_blobs_of(bytes, descriptor).context("manifest " + what));
    } else {
      return Error(Errc::kContent,
                   what + " is of type " + quote(descriptor.media_type) + ", which is no manifest");
    }
    subjects_.push_back(descriptor);
    ++copied_.manifests;
    return bytes;
  }

  Status copy_listed(const Index& index, int depth) {
    if (depth == kMaxIndexDepth) {
      return Error(Errc::kContent, "indexes are nested too deeply");
    }
    for (const Descriptor& entry : index.manifests) {
      const Descriptor listed = bare(entry);
      if (!seen_.insert(listed.digest).second) {
        continue;
      }
      const std::string bytes = MOSB_TRY(copy_content(listed, depth + 1));
      MOSB_CHECK(to_.push_manifest(listed, bytes, std::nullopt));
    }
    return ok();
  }

  Status copy_blobs_of(const std::string& bytes, const Descriptor& descriptor) {
    const Manifest manifest = MOSB_TRY(Manifest::parse(bytes, descriptor.media_type));
    std::vector<Descriptor> blobs;
    for (const Descriptor& blob : manifest.layers) {
      add_blob(blob, blobs);
    }
    add_blob(manifest.config, blobs);
    return copy_blobs_(blobs);
  }

  void add_blob(const Descriptor& blob, std::vector<Descriptor>& blobs) {
    if (seen_.insert(blob.digest).second) {
      blobs.push_back(blob);
      ++copied_.blobs;
      copied_.bytes.value += blob.size;
    }
  }

  /// Of everything that was copied so far, and then of those.
  Status copy_referrers(int depth) {
    const std::vector<Descriptor> subjects = std::exchange(subjects_, {});
    for (const Descriptor& subject : subjects) {
      for (const Descriptor& entry : MOSB_TRY(from_.referrers(subject, ""))) {
        MOSB_CHECK(copy_referrer(entry, subject).context("referrer " + entry.digest.str()));
      }
    }
    if (subjects_.empty()) {
      return ok();
    }
    if (depth + 1 == kMaxReferrerDepth) {
      return Error(Errc::kContent, "referrers of referrers are nested too deeply");
    }
    return copy_referrers(depth + 1);
  }

  Status copy_referrer(const Descriptor& entry, const Descriptor& subject) {
    const bool is_signature = entry.artifact_type == kNotarySignature;
    if ((is_signature && !request_.with_signatures) || !seen_.insert(entry.digest).second) {
      return ok();
    }
    const Descriptor manifest = bare(entry);
    const std::string bytes = MOSB_TRY(copy_content(manifest, 0));
    ++(is_signature ? copied_.signatures : copied_.referrers);
    return to_.push_referrer(manifest, bytes, subject);
  }

  Repository& from_;
  Repository& to_;
  const CopyRequest& request_;
  CopyBlobs copy_blobs_;
  CopiedImage copied_;
  std::set<Digest> seen_;
  /// What was copied and may have referrers that were not looked for yet.
  std::vector<Descriptor> subjects_;
};

Result<CopiedImage> copy(Repository& from,
                         const CopyRequest& request,
                         Repository& to,
                         CopyBlobs copy_blobs) {
  Descriptor manifest = MOSB_TRY(from.resolve(request.from));
  if (request.to.digest && *request.to.digest != manifest.digest) {
    return Error(Errc::kUsage, "it is " + manifest.digest.str());
  }
  return ImageCopy(from, to, request, std::move(copy_blobs), std::move(manifest)).run();
}

std::string doing(const CopyRequest& request) {
  return "copy " + quote(request.from.str()) + " to " + quote(request.to.str());
}

}  // namespace

Result<CopiedImage> copy_image(Repository& from,
                               const CopyRequest& request,
                               Layout& to,
                               const Progress& progress) {
  const auto copy_blobs = [&](const std::vector<Descriptor>& blobs) {
    return pull_blobs(from, plan_blobs(blobs, to), to, progress);
  };
  return copy(from, request, to, copy_blobs).context(doing(request));
}

Result<CopiedImage> push_image(Layout& from, const CopyRequest& request, Repository& to) {
  const auto copy_blobs = [&](const std::vector<Descriptor>& blobs) -> Status {
    for (const Descriptor& blob : blobs) {
      MOSB_CHECK(to.push_blob(blob, BlobSource::file(from.blob_path(blob.digest))));
    }
    return ok();
  };
  return copy(from, request, to, copy_blobs).context(doing(request));
}

}  // namespace mosb::oci
