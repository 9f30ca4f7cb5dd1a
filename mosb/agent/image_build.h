#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/layer_format.h"
#include "mosb/agent/root_hash_signer.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"

namespace mosb::agent {

/// An image to build on: its layers stay as they are, its configuration is the start of the new
/// one.
struct BaseImage {
  oci::Repository& from;
  oci::Reference ref;
};

/// What `mosb image build` is asked for. What is left empty is the base's, if there is one.
struct BuildRequest {
  /// A directory or a tar file: the new layer.
  std::string rootfs;
  /// Where the image goes; no digest, which is not known before.
  oci::Reference tag;
  std::optional<BaseImage> base = std::nullopt;
  /// A new entrypoint drops the base's command.
  std::vector<std::string> entrypoint = {};
  std::vector<std::string> cmd = {};
  /// "NAME=value"; takes the place of a variable of the same name.
  std::vector<std::string> env = {};
  std::optional<std::string> user = std::nullopt;
  std::optional<std::string> working_dir = std::nullopt;
  std::map<std::string, std::string> labels = {};
  LayerFormat format = {};
  /// Without it the image cannot be mounted verified, only looked at.
  bool verity = true;
  /// Not without verity. The layers of a base must be signed already then.
  std::optional<RootHashSigner> signer = std::nullopt;
  std::uint32_t timestamp = 0;
};

/// Makes an image of this host's platform with one new layer, a hash tree behind it and the
/// root hash in the annotations that mosb and atomfs read, and stores it in `to`. The same request
/// gives the same image, bit for bit. Errors: those of make_layer_image(), kUsage for a malformed
/// setting, kContent or kHost for a base that does not fit, and what storing gives.
Result<oci::Descriptor> build_image(const BuildRequest& request,
                                    oci::Repository& to,
                                    ProcessRunner& processes,
                                    const std::string& temp_dir);

}  // namespace mosb::agent
