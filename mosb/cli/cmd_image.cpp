#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "mosb/agent/image_inspect.h"
#include "mosb/agent/image_verify.h"
#include "mosb/agent/layer_scans.h"
#include "mosb/base/text.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/image_build_command.h"
#include "mosb/cli/image_convert_command.h"
#include "mosb/cli/image_copy_command.h"
#include "mosb/cli/image_store_commands.h"
#include "mosb/cli/scan_view.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"
#include "mosb/cli/trust_flags.h"
#include "mosb/cli/verification_view.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/root_hash.h"
#include "mosb/oci/scratch.h"
#include "mosb/oci/store.h"

namespace mosb::cli {

namespace {

struct RefFlags {
  std::string ref, scope;
  TrustFlags trust;
  bool insecure = false;
};

/// The root hash, or "" for a layer that has none that can be used.
std::string root_hash_of(const oci::Descriptor& layer) {
  const auto hash = oci::root_hash_annotation(layer);
  return hash ? *hash : "";
}

Json to_json(const std::vector<oci::Descriptor>& layers) {
  Json json = Json::array();
  for (const oci::Descriptor& layer : layers) {
    json.push_back({{"media_type", layer.media_type},
                    {"digest", layer.digest.str()},
                    {"size", layer.size},
                    {"root_hash", root_hash_of(layer)},
                    {"root_hash_signature", layer.annotations.contains(oci::kRootHashSignature)}});
  }
  return json;
}

/// What the scan found in a layer when it was first mounted here; nullopt if it was not, or has no
/// root hash.
std::optional<verity::LayerScan> known_scan(const Session& session, const oci::Descriptor& layer) {
  const auto root_hash = verity::RootHash::parse(root_hash_of(layer));
  const auto filesystem = oci::layer_filesystem(layer.media_type);
  if (!root_hash || !filesystem) {
    return std::nullopt;
  }
  const agent::Paths paths = session.paths();
  return agent::recorded_scan(paths,
                              {"", ByteCount{layer.size}, *root_hash, layer.digest, *filesystem});
}

Json with_scans(const Session& session, const std::vector<oci::Descriptor>& layers) {
  Json json = to_json(layers);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto scan = known_scan(session, layers[i]);
    json[i]["scan"] = scan ? cli::to_json(*scan) : Json();
  }
  return json;
}

Json to_json(const Session& session,
             const oci::Reference& ref,
             const agent::InspectedImage& image) {
  const oci::ImageConfig& config = image.config;
  return {{"ref", ref.str()},
          {"digest", image.descriptor.digest.str()},
          {"size", image.descriptor.size},
          {"platform", config.platform.str()},
          {"entrypoint", config.entrypoint},
          {"cmd", config.cmd},
          {"env", config.env},
          {"user", config.user.value_or("")},
          {"working_dir", config.working_dir.value_or("")},
          {"stop_signal", config.stop_signal.value_or("")},
          {"exposed_ports", config.exposed_ports},
          {"volumes", config.volumes},
          {"labels", config.labels},
          {"layers", with_scans(session, image.manifest.layers)}};
}

void show_layers(Session& session, const std::vector<oci::Descriptor>& layers) {
  std::vector<std::vector<std::string>> rows;
  for (const oci::Descriptor& layer : layers) {
    rows.push_back(
        {layer.digest.str(), std::to_string(layer.size), root_hash_of(layer), layer.media_type});
  }
  const std::string table = render_table({"LAYER", "SIZE", "ROOT HASH", "MEDIA TYPE"}, rows);
  for (const std::string& line : split(table.substr(0, table.size() - 1), '\n')) {
    print_line(session, line);
  }
}

void show_scan(const Session& session, const Digest& layer, const verity::LayerScan& scan) {
  for (const std::string& line : lines_for(layer, scan)) {
    print_line(session, line);
  }
}

void show(Session& session, const oci::Reference& ref, const agent::InspectedImage& image) {
  const auto field = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) {
      print_line(session, name + std::string(13 - name.size(), ' ') + value);
    }
  };
  field("Image:", ref.str());
  field("Digest:", image.descriptor.digest.str());
  field("Platform:", image.config.platform.str());
  field("Entrypoint:", join(image.config.entrypoint, " "));
  field("Command:", join(image.config.cmd, " "));
  field("User:", image.config.user.value_or(""));
  field("Directory:", image.config.working_dir.value_or(""));
  field("Ports:", join(image.config.exposed_ports, " "));
  for (const std::string& variable : image.config.env) {
    field("Environment:", variable);
  }
  for (const auto& [name, value] : image.config.labels) {
    field("Label:", name + "=" + value);
  }
  show_layers(session, image.manifest.layers);
  for (const oci::Descriptor& layer : image.manifest.layers) {
    if (const auto scan = known_scan(session, layer)) {
      show_scan(session, layer.digest, *scan);
    }
  }
}

/// The place of an image to look at; for `sha256:…` the store's own layout, so that its layers can
/// be read where they lie.
class Source {
 public:
  static Result<Source> open(const Session& session,
                             const oci::Reference& ref,
                             bool insecure,
                             const std::string& notation_config) {
    Source source;
    if (ref.kind == oci::Reference::Kind::kStore) {
      source.store_ =
          std::make_unique<oci::Store>(MOSB_TRY(oci::Store::open(session.paths().store())));
    } else {
      source.repository_ = MOSB_TRY(session.open(ref, insecure, notation_config));
    }
    return source;
  }
  oci::Repository& get() { return store_ ? store_->repository() : *repository_; }
  /// What an image of the store was chosen from.
  Result<std::optional<oci::Descriptor>> index_of(const oci::Reference& ref,
                                                  const std::string& scope) const {
    const auto stored =
        store_ ? MOSB_TRY(store_->find(ref.str(), scope)) : std::optional<oci::StoredImage>();
    return stored ? stored->index : std::optional<oci::Descriptor>();
  }

 private:
  std::unique_ptr<oci::Store> store_;
  std::unique_ptr<oci::Repository> repository_;
};

Result<int> inspect(Session& session, const RefFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  Source source =
      MOSB_TRY(Source::open(session, ref, flags.insecure, session.notation_config_if_any()));
  const agent::InspectedImage image = MOSB_TRY(agent::inspect_image(source.get(), ref));
  if (session.format() == Output::kJson) {
    print_json(to_json(session, ref, image));
  } else {
    show(session, ref, image);
  }
  return 0;
}

Result<int> verify(Session& session, const RefFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  const std::string scope = MOSB_TRY(session.scope(ref, flags.scope));
  const std::string notation = MOSB_TRY(session.notation_config(flags.trust.notation_config));
  Source source = MOSB_TRY(Source::open(session, ref, flags.insecure, notation));
  const std::string temp_dir = MOSB_TRY(oci::private_temp_dir());
  const auto index = MOSB_TRY(source.index_of(ref, scope));
  const agent::VerifiedImage image = MOSB_TRY(
      agent::verify_image(source.get(),
                          {ref,
                           scope,
                           agent::TrustContext{notation, session.clock(), &session.revocation()},
                           temp_dir,
                           index,
                           MOSB_TRY(session.configuration()).layers}));
  std::vector<oci::Descriptor> layers;
  for (const agent::VerifiedLayer& layer : image.layers) {
    layers.push_back(layer.descriptor);
  }
  if (session.format() == Output::kJson) {
    Json json = cli::to_json(
        ref.str(), image.descriptor.digest, trust::Verification{image.report, std::nullopt});
    json["layers"] = to_json(layers);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      json["layers"][i]["scan"] = cli::to_json(image.layers[i].scan);
    }
    print_json(json);
    return 0;
  }
  print_line(session,
             ref.str() + " " + image.descriptor.digest.str() + ": " +
                 trust::outcome_name(image.report.outcome) + " by policy " +
                 quote(image.report.policy) + ", every block of every layer is good" +
                 ", and so are its files' names and kinds");
  show_layers(session, layers);
  for (const agent::VerifiedLayer& layer : image.layers) {
    show_scan(session, layer.descriptor.digest, layer.scan);
  }
  return 0;
}

void add_inspect(Command& image) {
  const auto flags = std::make_shared<RefFlags>();
  Command command = image.subcommand("inspect", "Show what an image says of itself, unverified")
                        .example("mosb image inspect oci:./images:web -o json");
  command.option("REF", flags->ref, "The image").required();
  command.flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command.runs([flags](Session& s) { return inspect(s, *flags); });
}

void add_verify(Command& image) {
  const auto flags = std::make_shared<RefFlags>();
  Command command =
      image.subcommand("verify", "Check the signature by policy and every block of every layer")
          .example("mosb image verify oci:./images:web --notation-config keys/notation");
  command.option("REF", flags->ref, "The image").required();
  command.option("--scope", flags->scope, "Trust scope of a layout, archive or digest");
  command.option("--notation-config",
                 flags->trust.notation_config,
                 "notation configuration directory with trust policy and trust store");
  command.flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command.runs([flags](Session& s) { return verify(s, *flags); });
}

}  // namespace

void add_image_commands(Command& app) {
  Command image = app.subcommand("image", "Build images, look at them, keep the store")
                      .example("mosb image inspect oci:./images:web");
  add_image_build(image);
  add_image_convert(image);
  add_image_copy(image);
  add_inspect(image);
  add_verify(image);
  add_image_store_commands(image);
}

}  // namespace mosb::cli
