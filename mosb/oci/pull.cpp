#include "mosb/oci/pull.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <sys/types.h>

#include "mosb/base/disk_space.h"
#include "mosb/base/log.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/refetch.h"

namespace mosb::oci {

namespace {

/// From the store if it is there already, so that a pull that was interrupted asks for less.
Result<std::string> manifest_bytes(Repository& from, const Descriptor& descriptor, Store& to) {
  auto have = to.repository().read_manifest(descriptor);
  return have ? std::move(have) : from.read_manifest(descriptor);
}

Status copy_small_blob(Repository& from, const Descriptor& blob, ByteCount limit, Store& to) {
  if (to.repository().read_blob(blob, limit)) {
    return ok();
  }
  if (blob.size > limit.value) {
    return Error(Errc::kContent,
                 blob.digest.str() + " has " + std::to_string(blob.size) + " bytes, more than " +
                     std::to_string(limit.value));
  }
  BlobWriter writer = MOSB_TRY(BlobWriter::create(to.layout().temp_dir(), blob));
  MOSB_TRY(from.stream_blob(
      blob, 0, [&](std::span<const std::byte> part) { return writer.write(part); }));
  return writer.commit(to.blob_path(blob.digest), kBlobMode);
}

/// A signature manifest with its one envelope. Spec: Notary Project signature specification 1.1
/// §Storage.
Status copy_signature(Repository& from,
                      const Descriptor& entry,
                      const Descriptor& subject,
                      Store& to) {
  if (!is_manifest_type(entry.media_type)) {
    return Error(Errc::kContent, "it is of type " + quote(entry.media_type));
  }
  const std::string bytes = MOSB_TRY(manifest_bytes(from, entry, to));
  const Manifest manifest = MOSB_TRY(Manifest::parse(bytes, entry.media_type));
  if (!manifest.subject || !same_content(*manifest.subject, subject)) {
    return Error(Errc::kContent, "it names another subject");
  }
  if (manifest.layers.size() != 1) {
    return Error(Errc::kContent,
                 "it has " + std::to_string(manifest.layers.size()) + " envelopes, not one");
  }
  MOSB_CHECK(copy_small_blob(from, manifest.layers.front(), kMaxEnvelopeSize, to));
  MOSB_CHECK(copy_small_blob(from, manifest.config, kMaxConfigSize, to));
  return to.repository().push_referrer(entry, bytes, subject);
}

/// Broken signatures are left out: whoever serves them could as well have hidden them, and without
/// them verification decides on what is left.
Result<std::vector<std::string>> copy_signatures(Repository& from,
                                                 const Descriptor& subject,
                                                 Store& to) {
  std::vector<std::string> warnings;
  const auto found = MOSB_TRY(from.referrers(subject, kNotarySignature)
                                  .context("list the signatures of " + subject.digest.str()));
  std::size_t taken = 0;
  for (const Descriptor& entry : found) {
    if (taken++ == kMaxSignatures) {
      warnings.push_back(subject.digest.str() + " has " + std::to_string(found.size()) +
                         " signatures; only the first " + std::to_string(kMaxSignatures) +
                         " are used");
      break;
    }
    const Status copied =
        copy_signature(from, entry, subject, to).context("signature " + entry.digest.str());
    if (copied) {
      continue;
    }
    const Errc code = copied.error().code();
    if (code != Errc::kContent && code != Errc::kNotFound) {
      return copied.error();
    }
    warnings.push_back(copied.error().message());
  }
  return warnings;
}

struct Chosen {
  /// With the platform that the index promised.
  Descriptor manifest;
  std::optional<Descriptor> index;
};

/// Follows an index, and one index inside it, to the platform's manifest.
Result<Chosen> choose(Repository& from,
                      const Descriptor& resolved,
                      const Platform& platform,
                      Store& to) {
  Chosen chosen{.manifest = resolved, .index = std::nullopt};
  for (int depth = 0; is_index_type(chosen.manifest.media_type); ++depth) {
    const Descriptor descriptor = bare(chosen.manifest);
    const std::string what = "index " + descriptor.digest.str();
    if (depth == kMaxIndexDepth) {
      return Error(Errc::kContent, what + ": indexes are nested too deeply");
    }
    const std::string bytes = MOSB_TRY(manifest_bytes(from, descriptor, to).context(what));
    const Index index = MOSB_TRY(Index::parse(bytes, descriptor.media_type).context(what));
    chosen.manifest = MOSB_TRY(choose_platform(index, platform).context(what));
    MOSB_CHECK(to.repository().push_manifest(descriptor, bytes, std::nullopt));
    if (!chosen.index) {
      chosen.index = descriptor;
    }
  }
  if (!is_manifest_type(chosen.manifest.media_type)) {
    return Error(Errc::kContent,
                 chosen.manifest.digest.str() + " is of type " + quote(chosen.manifest.media_type) +
                     ", which is no image");
  }
  return chosen;
}

Status check_expected(const PullRequest& request, const Descriptor& manifest) {
  if (request.expected_digest && *request.expected_digest != manifest.digest) {
    return Error(Errc::kContent,
                 "its manifest is " + manifest.digest.str() + ", not " +
                     request.expected_digest->str() + " as asked for");
  }
  if (request.expected_size && *request.expected_size != manifest.size) {
    return Error(Errc::kContent,
                 "its manifest has " + std::to_string(manifest.size) + " bytes, not " +
                     std::to_string(*request.expected_size) + " as asked for");
  }
  return ok();
}

Result<ImageConfig> copy_config(Repository& from,
                                const Manifest& manifest,
                                const Descriptor& descriptor,
                                Store& to) {
  const std::string what = "config " + manifest.config.digest.str();
  MOSB_CHECK(copy_small_blob(from, manifest.config, kMaxConfigSize, to).context(what));
  const std::string bytes =
      MOSB_TRY(to.repository().read_blob(manifest.config, kMaxConfigSize).context(what));
  ImageConfig config = MOSB_TRY(ImageConfig::parse(bytes).context(what));
  MOSB_CHECK(require_config_of(config, manifest, descriptor));
  return config;
}

Result<PulledMetadata> pull(Repository& from, const PullRequest& request, Store& to) {
  const Descriptor resolved = MOSB_TRY(from.resolve(request.ref));
  const Chosen chosen = MOSB_TRY(choose(from, resolved, request.platform, to));
  const Descriptor descriptor = bare(chosen.manifest);
  MOSB_CHECK(check_expected(request, descriptor));
  const std::string what = "manifest " + descriptor.digest.str();
  const std::string bytes = MOSB_TRY(manifest_bytes(from, descriptor, to).context(what));
  Manifest manifest = MOSB_TRY(Manifest::parse(bytes, descriptor.media_type).context(what));
  MOSB_CHECK(require_image(manifest).context(what));
  ImageConfig config = MOSB_TRY(copy_config(from, manifest, chosen.manifest, to));
  if (!matches(config.platform, request.platform)) {
    return Error(
        Errc::kHost,
        "the image is for " + config.platform.str() + ", this host is " + request.platform.str());
  }
  PulledMetadata pulled{.manifest = descriptor,
                        .parsed = std::move(manifest),
                        .config = std::move(config),
                        .index = chosen.index};
  MOSB_CHECK(to.repository().push_blob(descriptor, BlobSource::bytes(bytes)));
  pulled.warnings = MOSB_TRY(copy_signatures(from, descriptor, to));
  if (chosen.index) {
    for (std::string& warning : MOSB_TRY(copy_signatures(from, *chosen.index, to))) {
      pulled.warnings.push_back(std::move(warning));
    }
  }
  return pulled;
}

/// What parts of the layers take up on the disk already: resume() reserves room for the whole.
std::uint64_t taken_by_parts(const PullPlan& plan, const Layout& to) {
  std::uint64_t taken = 0;
  for (const Descriptor& layer : plan.missing) {
    if (const auto st = sys::lstat(part_path(to.temp_dir(), layer.digest))) {
      taken += std::min(layer.size, static_cast<std::uint64_t>(st->st_blocks) * 512);
    }
  }
  return taken;
}

Status check_room(const PullPlan& plan, const Layout& to) {
  const std::string dir = to.blob_path(plan.missing.front().digest);
  const ByteCount free = MOSB_TRY(free_space(dir.substr(0, dir.rfind('/'))));
  const std::uint64_t needed =
      plan.bytes.value - std::min(plan.bytes.value, taken_by_parts(plan, to));
  if (needed > free.value || free.value - needed < kStoreReserve.value) {
    return Error(Errc::kResource,
                 quote(to.dir()) + " needs " + std::to_string(needed) + " bytes and a " +
                     "reserve of " + std::to_string(kStoreReserve.value) + ", but has " +
                     std::to_string(free.value) + " free")
        .with_hint("free some space on the file system that holds it");
  }
  return ok();
}

/// How often a layer is fetched whose parts don't fit together.
constexpr int kMostAttempts = 3;

/// The layers of one pull, taken one by one by as many threads as the repository serves at once.
class BlobPull {
 public:
  BlobPull(Repository& from, const PullPlan& plan, Layout& to, const Progress& progress)
      : from_(from), layers_(plan.missing), to_(to), progress_(progress) {
    for (const Descriptor& layer : layers_) {
      before_.emplace(layer.digest, inode_of(layer));
    }
  }

  Status run() {
    const std::size_t threads = std::min<std::size_t>(from_.parallel_fetches(), layers_.size());
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < threads; ++i) {
        others.emplace_back([this] { work(); });
      }
      work();
    }
    return first_error_ ? Status(*first_error_) : ok();
  }

 private:
  std::optional<ino_t> inode_of(const Descriptor& layer) const {
    const auto st = sys::lstat(to_.blob_path(layer.digest));
    return st ? std::optional(st->st_ino) : std::nullopt;
  }

  /// Whether somebody else wrote it since. What was there before and is asked for all the same is
  /// damaged.
  bool was_brought(const Descriptor& layer) const {
    return to_.has_blob(layer) && inode_of(layer) != before_.at(layer.digest);
  }

  void work() {
    for (std::size_t i = next_++; i < layers_.size() && !stopped_; i = next_++) {
      const Status pulled = fetch_anew_while_wrong(from_, [&] {
                              return pull(layers_[i]);
                            }).context("layer " + layers_[i].digest.str());
      const std::lock_guard lock(mutex_);
      if (!pulled && !first_error_) {
        first_error_ = pulled.error();
        stopped_ = true;
      }
    }
  }

  Status pull(const Descriptor& layer) {
    BlobWriter writer = MOSB_TRY(BlobWriter::resume(to_.temp_dir(), layer));
    if (was_brought(layer)) {
      return ok();
    }
    for (int attempt = 1;; ++attempt) {
      const bool goes_on = writer.size() > 0;
      const auto parts = stream(layer, writer);
      Status status =
          parts ? writer.commit(to_.blob_path(layer.digest), kBlobMode) : Status(parts.error());
      if (status) {
        return status;
      }
      if (status.error().code() == Errc::kNetwork) {
        writer.keep();
        return status;
      }
      // Parts of different things don't make a whole. One thing that is wrong stays wrong.
      const bool was_patched = goes_on || (parts && *parts > 1);
      if (status.error().code() != Errc::kContent || !was_patched || attempt == kMostAttempts) {
        return status;
      }
      log::info("layer " + layer.digest.str() + " starts over: " + status.error().message());
      MOSB_CHECK(writer.restart());
    }
  }

  /// Appends what is missing; the value is that of stream_blob().
  Result<unsigned> stream(const Descriptor& layer, BlobWriter& writer) {
    MOSB_CHECK(report(layer, writer));
    if (writer.size() == layer.size) {
      return 0U;
    }
    return from_.stream_blob(layer, writer.size(), [&](std::span<const std::byte> part) -> Status {
      MOSB_CHECK(writer.write(part));
      return report(layer, writer);
    });
  }

  Status report(const Descriptor& layer, const BlobWriter& writer) {
    if (stopped_) {
      return Error(Errc::kNetwork, "given up, because another layer failed");
    }
    if (progress_ && writer.size() > 0) {
      const std::lock_guard lock(mutex_);
      progress_(layer.digest, ByteCount{writer.size()}, ByteCount{layer.size});
    }
    return ok();
  }

  Repository& from_;
  const std::vector<Descriptor>& layers_;
  Layout& to_;
  const Progress& progress_;
  std::map<Digest, std::optional<ino_t>> before_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  /// Of progress and error.
  std::mutex mutex_;
  std::optional<Error> first_error_;
};

}  // namespace

StoredImage PulledMetadata::record(const PullRequest& request) const {
  return {.ref = request.ref.str(), .scope = request.scope, .manifest = manifest, .index = index};
}

Result<PulledMetadata> pull_metadata(Repository& from, const PullRequest& request, Store& to) {
  return pull(from, request, to).context("pull " + quote(request.ref.str()));
}

PullPlan plan_pull(const Manifest& manifest, const Store& store) {
  return plan_blobs(manifest.layers, store.layout());
}

PullPlan plan_blobs(const std::vector<Descriptor>& blobs, const Layout& layout) {
  PullPlan plan;
  std::set<Digest> seen;
  for (const Descriptor& blob : blobs) {
    if (layout.has_blob(blob) || !seen.insert(blob.digest).second) {
      continue;
    }
    plan.missing.push_back(blob);
    // Sizes are what a stranger wrote: the sum must not wrap around to a small one.
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - plan.bytes.value;
    plan.bytes.value += std::min(room, blob.size);
  }
  return plan;
}

Status pull_layers(Repository& from, const PullPlan& plan, Store& to, const Progress& progress) {
  return pull_blobs(from, plan, to.layout(), progress);
}

Status pull_blobs(Repository& from, const PullPlan& plan, Layout& to, const Progress& progress) {
  if (plan.missing.empty()) {
    return ok();
  }
  MOSB_CHECK(check_room(plan, to));
  return BlobPull(from, plan, to, progress).run();
}

}  // namespace mosb::oci
