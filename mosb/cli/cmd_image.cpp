#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "mosb/agent/image_build.h"
#include "mosb/agent/image_inspect.h"
#include "mosb/agent/image_verify.h"
#include "mosb/agent/repositories.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "mosb/cli/key_value.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"
#include "mosb/cli/trust_flags.h"
#include "mosb/cli/verification_view.h"
#include "mosb/oci/archive.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/root_hash.h"
#include "mosb/oci/store.h"

namespace mosb::cli {

namespace {

struct BuildFlags {
  std::string rootfs, tag, base;
  std::vector<std::string> entrypoint, cmd, env, labels;
  std::string user, working_dir;
  std::string file_system = "squashfs";
  std::string compression = "zstd";
  bool no_verity = false;
  bool insecure = false;
};

struct RefFlags {
  std::string ref, scope;
  TrustFlags trust;
  bool insecure = false;
};

/// Where big files lie while they are made.
std::string temp_dir() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program sets the environment
  const char* const dir = std::getenv("TMPDIR");
  return dir != nullptr && *dir == '/' ? dir : "/tmp";
}

/// Of https://reproducible-builds.org/specs/source-date-epoch; 0 if it is not set.
Result<std::uint32_t> source_date_epoch() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program sets the environment
  const char* const text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr) {
    return std::uint32_t{0};
  }
  const std::uint64_t time =
      MOSB_TRY(parse_uint(text, 0, UINT32_MAX).context("SOURCE_DATE_EPOCH").as(Errc::kUsage));
  return static_cast<std::uint32_t>(time);
}

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
                    {"root_hash", root_hash_of(layer)}});
  }
  return json;
}

std::optional<std::string> if_given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Result<agent::BuildRequest> build_request(const BuildFlags& flags, const oci::Reference& tag) {
  if (flags.file_system != "squashfs") {
    return Error(Errc::kUsage,
                 "file system " + quote(flags.file_system) + " is not supported by this mosb")
        .with_hint("--fs squashfs");
  }
  agent::BuildRequest request{flags.rootfs, tag};
  request.entrypoint = flags.entrypoint;
  request.cmd = flags.cmd;
  request.env = flags.env;
  request.user = if_given(flags.user);
  request.working_dir = if_given(flags.working_dir);
  request.labels = MOSB_TRY(parse_key_values("--label", flags.labels));
  request.compression = MOSB_TRY(agent::parse_compression(flags.compression));
  request.verity = !flags.no_verity;
  request.timestamp = MOSB_TRY(source_date_epoch());
  return request;
}

/// Builds into the place that the tag names, which is made if it is a layout or archive.
Result<oci::Descriptor> build_to(Session& session,
                                 const agent::BuildRequest& request,
                                 bool insecure) {
  if (request.tag.kind == oci::Reference::Kind::kArchive) {
    oci::Archive archive = MOSB_TRY(oci::Archive::create(temp_dir()));
    oci::Descriptor built =
        MOSB_TRY(agent::build_image(request, archive, session.processes(), temp_dir()));
    MOSB_CHECK(archive.save(request.tag.path));
    return built;
  }
  agent::OpenOptions options;
  options.insecure = insecure;
  options.create = true;
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  const auto to = MOSB_TRY(agent::open_repository(request.tag, configuration, options));
  return agent::build_image(request, *to, session.processes(), temp_dir());
}

Result<int> build(Session& session, const BuildFlags& flags) {
  const oci::Reference tag = MOSB_TRY(oci::Reference::parse(flags.tag));
  agent::BuildRequest request = MOSB_TRY(build_request(flags, tag));
  std::unique_ptr<oci::Repository> base;
  if (!flags.base.empty()) {
    const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.base));
    base = MOSB_TRY(session.open(ref, flags.insecure));
    request.base.emplace(agent::BaseImage{*base, ref});
  }
  const oci::Descriptor built = MOSB_TRY(build_to(session, request, flags.insecure));
  if (session.format() == Output::kJson) {
    print_json({{"ref", tag.str()}, {"digest", built.digest.str()}, {"size", built.size}});
  } else {
    print_line(session, tag.str() + " " + built.digest.str());
  }
  return 0;
}

Json to_json(const oci::Reference& ref, const agent::InspectedImage& image) {
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
          {"layers", to_json(image.manifest.layers)}};
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
}

/// The place of an image to look at; for `sha256:…` the store's own layout, so that its layers can
/// be read where they lie.
class Source {
 public:
  static Result<Source> open(const Session& session, const oci::Reference& ref, bool insecure) {
    Source source;
    if (ref.kind == oci::Reference::Kind::kStore) {
      source.store_ = std::make_unique<oci::Store>(
          MOSB_TRY(oci::Store::open_or_create(session.paths().store())));
    } else {
      source.repository_ = MOSB_TRY(session.open(ref, insecure));
    }
    return source;
  }
  oci::Repository& get() { return store_ ? store_->repository() : *repository_; }

 private:
  std::unique_ptr<oci::Store> store_;
  std::unique_ptr<oci::Repository> repository_;
};

Result<int> inspect(Session& session, const RefFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  Source source = MOSB_TRY(Source::open(session, ref, flags.insecure));
  const agent::InspectedImage image = MOSB_TRY(agent::inspect_image(source.get(), ref));
  if (session.format() == Output::kJson) {
    print_json(to_json(ref, image));
  } else {
    show(session, ref, image);
  }
  return 0;
}

Result<int> verify(Session& session, const RefFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  const std::string scope = MOSB_TRY(session.scope(ref, flags.scope));
  const std::string notation = MOSB_TRY(session.notation_config(flags.trust.notation_config));
  Source source = MOSB_TRY(Source::open(session, ref, flags.insecure));
  const agent::VerifiedImage image = MOSB_TRY(agent::verify_image(
      source.get(), {ref, scope, agent::TrustContext{notation, session.clock()}, temp_dir()}));
  std::vector<oci::Descriptor> layers;
  for (const agent::VerifiedLayer& layer : image.layers) {
    layers.push_back(layer.descriptor);
  }
  if (session.format() == Output::kJson) {
    Json json = cli::to_json(
        ref.str(), image.descriptor.digest, trust::Verification{image.report, std::nullopt});
    json["layers"] = to_json(layers);
    print_json(json);
    return 0;
  }
  print_line(session,
             ref.str() + " " + image.descriptor.digest.str() + ": " +
                 trust::outcome_name(image.report.outcome) + " by policy " +
                 quote(image.report.policy) + ", every block of " + std::to_string(layers.size()) +
                 " layers is good");
  show_layers(session, layers);
  return 0;
}

Result<int> list(Session& session) {
  const oci::Store store = MOSB_TRY(oci::Store::open_or_create(session.paths().store()));
  const std::vector<oci::StoredImage> images = MOSB_TRY(store.images());
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const oci::StoredImage& image : images) {
    rows.push_back({image.ref, image.scope, image.manifest.digest.str()});
    json.push_back(
        {{"ref", image.ref}, {"scope", image.scope}, {"digest", image.manifest.digest.str()}});
  }
  if (session.format() == Output::kJson) {
    print_json(json);
    return 0;
  }
  const std::string table = render_table({"IMAGE", "SCOPE", "DIGEST"}, rows);
  for (const std::string& line : split(table.substr(0, table.size() - 1), '\n')) {
    print_line(session, line);
  }
  return 0;
}

void add_build(CLI::App& image, Session& session) {
  const auto flags = std::make_shared<BuildFlags>();
  CLI::App* const command =
      image.add_subcommand("build", "Make an image with a verified layer from a root file system");
  command->footer(
      "Example: mosb image build --rootfs ./root -t oci:./images:web --entrypoint /bin/httpd "
      "--cmd -f\nThe same input gives the same image; file times are SOURCE_DATE_EPOCH or 0.");
  command->add_option("--rootfs", flags->rootfs, "Directory or tar file")->required();
  command->add_option("-t,--tag", flags->tag, "Where the image goes")->required();
  command->add_option("--base", flags->base, "Image whose layers and settings lie below");
  // One value per flag: "--cmd -f --cmd -x" must not take a flag of ours for a value.
  const auto list = [&](const char* name, std::vector<std::string>& to, const char* what) {
    command->add_option(name, to, what)->expected(1)->take_all()->allow_extra_args(false);
  };
  list("--entrypoint", flags->entrypoint, "An argument of the entrypoint; may be repeated");
  list("--cmd", flags->cmd, "An argument of the command; may be repeated");
  list("--env", flags->env, "NAME=value; may be repeated");
  list("--label", flags->labels, "NAME=value; may be repeated");
  command->add_option("--user", flags->user, "USER[:GROUP], names or numbers");
  command->add_option("--workdir", flags->working_dir, "Where the program starts");
  command->add_option("--fs", flags->file_system, "Kind of the layer's file system")
      ->check(CLI::IsMember({"squashfs", "erofs"}));
  command->add_option("--compression", flags->compression, "Of the layer")
      ->check(CLI::IsMember({"zstd", "gzip", "xz", "lz4"}));
  command->add_flag("--no-verity", flags->no_verity, "No hash tree: the image cannot be run");
  command->add_flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command->callback(
      [&session, flags] { session.command = [flags](Session& s) { return build(s, *flags); }; });
}

void add_inspect(CLI::App& image, Session& session) {
  const auto flags = std::make_shared<RefFlags>();
  CLI::App* const command =
      image.add_subcommand("inspect", "Show what an image says of itself, unverified");
  command->footer("Example: mosb image inspect oci:./images:web -o json");
  command->add_option("REF", flags->ref, "The image")->required();
  command->add_flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command->callback(
      [&session, flags] { session.command = [flags](Session& s) { return inspect(s, *flags); }; });
}

void add_verify(CLI::App& image, Session& session) {
  const auto flags = std::make_shared<RefFlags>();
  CLI::App* const command = image.add_subcommand(
      "verify", "Check the signature by policy and every block of every layer");
  command->footer("Example: mosb image verify oci:./images:web --notation-config keys/notation");
  command->add_option("REF", flags->ref, "The image")->required();
  command->add_option("--scope", flags->scope, "Trust scope of a local image");
  command->add_option("--notation-config",
                      flags->trust.notation_config,
                      "notation configuration directory with trust policy and trust store");
  command->add_flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command->callback(
      [&session, flags] { session.command = [flags](Session& s) { return verify(s, *flags); }; });
}

}  // namespace

void add_image_commands(CLI::App& app, Session& session) {
  CLI::App* const image = app.add_subcommand("image", "Build images and look at them");
  image->require_subcommand(1);
  add_build(*image, session);
  add_inspect(*image, session);
  add_verify(*image, session);
  CLI::App* const command = image->add_subcommand("ls", "List the images in the store");
  command->footer("Example: mosb image ls");
  command->callback([&session] { session.command = [](Session& s) { return list(s); }; });
}

}  // namespace mosb::cli
