#pragma once

namespace mosb::oci {

// Media types. Spec: OCI image 1.1 §Media Types; Docker image manifest v2, schema 2; Notary
// Project signature specification 1.1 §Storage.
inline constexpr char kImageManifest[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kImageIndex[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kImageConfig[] = "application/vnd.oci.image.config.v1+json";
inline constexpr char kEmptyJson[] = "application/vnd.oci.empty.v1+json";
inline constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr char kDockerManifestList[] =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr char kDockerConfig[] = "application/vnd.docker.container.image.v1+json";
// Layers of ordinary images.
inline constexpr char kTarLayer[] = "application/vnd.oci.image.layer.v1.tar";
inline constexpr char kGzipTarLayer[] = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr char kZstdTarLayer[] = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr char kDockerGzipTarLayer[] = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr char kNotarySignature[] = "application/vnd.cncf.notary.signature";
inline constexpr char kJws[] = "application/jose+json";
inline constexpr char kCose[] = "application/cose";

// Layers that are images of a file system, as stacker and atomfs name them. Suffixes such as
// "+zstd" (the compression inside) and, from older stackers, "+verity" may follow: see
// layer_filesystem().
inline constexpr char kSquashfsLayer[] = "application/vnd.stacker.image.layer.squashfs";
inline constexpr char kErofsLayer[] = "application/vnd.stacker.image.layer.erofs";

// Annotations.
inline constexpr char kRefName[] = "org.opencontainers.image.ref.name";
inline constexpr char kCreated[] = "org.opencontainers.image.created";
/// The dm-verity root hash of a layer, 64 lower-case hex digits, on the layer's descriptor.
inline constexpr char kRootHash[] = "io.stackeroci.stacker.atomfs_verity_root_hash";
/// A signature over it for the kernel's keyrings: base64 of PKCS #7 in DER, on the layer's
/// descriptor.
inline constexpr char kRootHashSignature[] = "io.mosb.verity.root_hash_signature";
/// The same as older stackers wrote it.
inline constexpr char kRootHashOld[] = "io.stackeroci.stacker.squashfs_verity_root_hash";

}  // namespace mosb::oci
