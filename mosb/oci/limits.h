#pragma once

#include <cstddef>
#include <cstdint>

#include "mosb/base/byte_count.h"

namespace mosb::oci {

/// Manifests and indexes. Spec: OCI distribution 1.1 §Pushing manifests (registries should take at
/// least 4 megabytes; nobody needs more).
inline constexpr ByteCount kMaxManifestSize{4 * kMiB};
inline constexpr ByteCount kMaxConfigSize{4 * kMiB};
/// Of an OCI layout's index.json.
inline constexpr ByteCount kMaxLayoutIndexSize{4 * kMiB};
/// overlayfs takes far more; an image with more is a mistake or an attack.
inline constexpr std::size_t kMaxLayers = 64;
/// Of an image index, so that a document of 4 MiB can't make 30,000 requests.
inline constexpr std::size_t kMaxIndexEntries = 1000;
/// An index may list indexes, but those list manifests only.
inline constexpr int kMaxIndexDepth = 2;
/// What referrers() returns at most.
inline constexpr std::size_t kMaxReferrers = 1000;
/// How many signatures are copied with an image. notation's own default for verification.
inline constexpr std::size_t kMaxSignatures = 100;
/// Of one signature envelope, as notation has it.
inline constexpr ByteCount kMaxEnvelopeSize{32 * kMiB};

/// Entrypoint and Cmd together.
inline constexpr std::size_t kMaxArguments = 256;
inline constexpr ByteCount kMaxArgumentBytes{128 * kKiB};
inline constexpr std::size_t kMaxEnvironment = 1024;
inline constexpr ByteCount kMaxEnvironmentBytes{512 * kKiB};
/// The kernel's own limit of one argument or variable (MAX_ARG_STRLEN), its NUL included.
inline constexpr ByteCount kMaxArgumentLength{128 * kKiB};

/// What is kept free on the store's file system beyond the blobs to be fetched.
inline constexpr ByteCount kStoreReserve{64 * kMiB};

}  // namespace mosb::oci
