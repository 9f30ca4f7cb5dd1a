#include "mosb/cli/image_build_command.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "mosb/agent/image_build.h"
#include "mosb/base/text.h"
#include "mosb/cli/image_destination.h"
#include "mosb/cli/key_value.h"
#include "mosb/cli/session.h"
#include "mosb/cli/verity_key_flags.h"

namespace mosb::cli {

namespace {

struct BuildFlags {
  std::string rootfs, tag, base;
  std::vector<std::string> entrypoint, cmd, env, labels;
  std::string user, working_dir;
  std::string file_system = "squashfs";
  std::string compression;
  bool no_verity = false;
  VerityKeyFlags verity_key;
  bool insecure = false;
};

std::optional<std::string> if_given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Result<agent::BuildRequest> build_request(const BuildFlags& flags, const oci::Reference& tag) {
  agent::BuildRequest request{flags.rootfs, tag};
  request.entrypoint = flags.entrypoint;
  request.cmd = flags.cmd;
  request.env = flags.env;
  request.user = if_given(flags.user);
  request.working_dir = if_given(flags.working_dir);
  request.labels = MOSB_TRY(parse_key_values("--label", flags.labels));
  request.format = MOSB_TRY(agent::parse_layer_format(flags.file_system, flags.compression));
  request.verity = !flags.no_verity;
  request.signer = MOSB_TRY(load_root_hash_signer(flags.verity_key));
  if (request.signer && !request.verity) {
    return Error(Errc::kUsage, "--no-verity leaves nothing for --verity-key to sign");
  }
  request.timestamp = MOSB_TRY(source_date_epoch());
  return request;
}

Result<int> build(Session& session, const BuildFlags& flags) {
  const oci::Reference tag = MOSB_TRY(oci::Reference::parse(flags.tag));
  agent::BuildRequest request = MOSB_TRY(build_request(flags, tag));
  std::unique_ptr<oci::Repository> base;
  if (!flags.base.empty()) {
    const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.base));
    base = MOSB_TRY(session.open_itself(ref, flags.insecure, session.notation_config_if_any()));
    request.base.emplace(agent::BaseImage{*base, ref});
  }
  const oci::Descriptor built = MOSB_TRY(make_image_at(
      session, tag, flags.insecure, [&](oci::Repository& to, const std::string& temp_dir) {
        return agent::build_image(request, to, session.processes(), temp_dir);
      }));
  if (session.format() == Output::kJson) {
    print_json({{"ref", tag.str()}, {"digest", built.digest.str()}, {"size", built.size}});
  } else {
    print_line(session, tag.str() + " " + built.digest.str());
  }
  return 0;
}

}  // namespace

void add_image_build(Command& image) {
  const auto flags = std::make_shared<BuildFlags>();
  Command command =
      image.subcommand("build", "Make an image with a verified layer from a root file system")
          .example(
              "mosb image build --rootfs ./root -t oci:./images:web --entrypoint /bin/httpd "
              "--cmd -f\n"
              "The same input gives the same image; file times are SOURCE_DATE_EPOCH or 0.");
  command.option("--rootfs", flags->rootfs, "Directory or tar file").required();
  command.option("-t,--tag", flags->tag, "Where the image goes; an archive is written anew")
      .required();
  command.option("--base", flags->base, "Image whose layers and settings lie below");
  command.repeated(
      "--entrypoint", flags->entrypoint, "An argument of the entrypoint; may be repeated");
  command.repeated("--cmd", flags->cmd, "An argument of the command; may be repeated");
  command.repeated("--env", flags->env, "NAME=value; may be repeated");
  command.repeated("--label", flags->labels, "NAME=value; may be repeated");
  command.option("--user", flags->user, "USER[:GROUP], names or numbers");
  command.option("--workdir", flags->working_dir, "Where the program starts");
  command.option("--fs", flags->file_system, "The layer's file system (default squashfs)")
      .one_of({"squashfs", "erofs"});
  command.option("--compression", flags->compression, "Of the layer (default zstd, of erofs lz4hc)")
      .one_of({"zstd", "gzip", "xz", "lz4", "lz4hc"});
  command.flag("--no-verity", flags->no_verity, "No hash tree: the image cannot be run");
  add_verity_key_flags(command, flags->verity_key);
  command.flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command.runs([flags](Session& s) { return build(s, *flags); });
}

}  // namespace mosb::cli
