#include "mosb/cli/image_convert_command.h"

#include <cstdio>
#include <memory>
#include <string>

#include "mosb/agent/image_convert.h"
#include "mosb/cli/image_destination.h"
#include "mosb/cli/session.h"

namespace mosb::cli {

namespace {

constexpr double kMega = 1e6;

struct ConvertFlags {
  std::string from, to;
  std::string file_system = "squashfs";
  std::string compression;
  bool insecure = false;
};

/// A line for each layer on standard error, nothing with -q or --progress none.
agent::OnLayer layer_reporter(const Session& session) {
  const bool is_silent = session.quiet || session.progress == "none" ||
                         (session.progress == "auto" && session.format() == Output::kJson);
  return [is_silent](std::size_t number, std::size_t of, const oci::Descriptor& layer) {
    if (!is_silent) {
      (void)std::fprintf(stderr,
                         "layer %zu of %zu: %s (%.1f MB)\n",
                         number,
                         of,
                         layer.digest.hex().substr(0, 12).c_str(),
                         static_cast<double>(layer.size) / kMega);
    }
  };
}

Result<int> convert(Session& session, const ConvertFlags& flags) {
  agent::ConvertRequest request{.from = MOSB_TRY(oci::Reference::parse(flags.from)),
                                .to = MOSB_TRY(oci::Reference::parse(flags.to))};
  request.format = MOSB_TRY(agent::parse_layer_format(flags.file_system, flags.compression));
  request.timestamp = MOSB_TRY(source_date_epoch());
  const auto from =
      MOSB_TRY(session.open_itself(request.from, flags.insecure, session.notation_config_if_any()));
  const agent::OnLayer on_layer = layer_reporter(session);
  const oci::Descriptor converted = MOSB_TRY(make_image_at(
      session, request.to, flags.insecure, [&](oci::Repository& to, const std::string& temp_dir) {
        return agent::convert_image(*from, request, to, session.processes(), temp_dir, on_layer);
      }));
  if (session.format() == Output::kJson) {
    print_json({{"from", request.from.str()},
                {"to", request.to.str()},
                {"digest", converted.digest.str()},
                {"size", converted.size}});
  } else {
    print_line(session, request.to.str() + " " + converted.digest.str());
  }
  return 0;
}

}  // namespace

void add_image_convert(Command& image) {
  const auto flags = std::make_shared<ConvertFlags>();
  Command command =
      image.subcommand("convert", "Make an image with verified layers of an ordinary one")
          .example(
              "mosb image convert docker://docker.io/library/nginx:1.27 oci:./images:nginx\n"
              "Layers are converted one by one. The result is another image: sign it.");
  command.option("SRC", flags->from, "The image, with layers of tar").required();
  command.option("DST", flags->to, "Where it goes; an archive is written anew").required();
  command.option("--fs", flags->file_system, "The layers' file system (default squashfs)")
      .one_of({"squashfs", "erofs"});
  command
      .option("--compression", flags->compression, "Of the layers (default zstd, of erofs lz4hc)")
      .one_of({"zstd", "gzip", "xz", "lz4", "lz4hc"});
  command.flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command.runs([flags](Session& s) { return convert(s, *flags); });
}

}  // namespace mosb::cli
