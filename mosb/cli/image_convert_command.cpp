#include "mosb/cli/image_convert_command.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/image_convert.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/cli/image_destination.h"
#include "mosb/cli/session.h"
#include "mosb/cli/verity_key_flags.h"

namespace mosb::cli {

namespace {

constexpr double kMega = 1e6;

struct ConvertFlags {
  std::string from, to;
  std::string file_system = "squashfs";
  std::string compression;
  std::vector<std::string> platforms;
  VerityKeyFlags verity_key;
  bool insecure = false;
};

/// A line for each layer on standard error, nothing with -q or --progress none.
agent::OnLayer layer_reporter(const Session& session) {
  const bool is_silent = session.quiet || session.progress == "none" ||
                         (session.progress == "auto" && session.format() == Output::kJson);
  return [is_silent](const agent::LayerAhead& ahead) {
    if (!is_silent) {
      const std::string platform = ahead.platform ? escape(ahead.platform->str()) + ": " : "";
      (void)std::fprintf(stderr,
                         "%slayer %zu of %zu: %s (%.1f MB)\n",
                         platform.c_str(),
                         ahead.number,
                         ahead.of,
                         ahead.layer.digest.hex().substr(0, 12).c_str(),
                         static_cast<double>(ahead.layer.size) / kMega);
    }
  };
}

Json names(const std::vector<oci::Platform>& platforms) {
  Json list = Json::array();
  for (const oci::Platform& platform : platforms) {
    list.push_back(platform.str());
  }
  return list;
}

Json digests(const std::vector<Digest>& list) {
  Json texts = Json::array();
  for (const Digest& digest : list) {
    texts.push_back(digest.str());
  }
  return texts;
}

/// What was said about the old images doesn't hold for the new ones.
void report_left_out(const agent::ConvertRequest& request, const std::vector<Digest>& left_out) {
  if (!left_out.empty()) {
    log::warn(quote(request.from.str()) + ": " +
              "attestations of buildkit are left out, which are about the images as they were: " +
              std::to_string(left_out.size()));
  }
}

Result<int> convert(Session& session, const ConvertFlags& flags) {
  agent::ConvertRequest request{.from = MOSB_TRY(oci::Reference::parse(flags.from)),
                                .to = MOSB_TRY(oci::Reference::parse(flags.to))};
  request.format = MOSB_TRY(agent::parse_layer_format(flags.file_system, flags.compression));
  request.signer = MOSB_TRY(load_root_hash_signer(flags.verity_key));
  request.timestamp = MOSB_TRY(source_date_epoch());
  for (const std::string& platform : flags.platforms) {
    request.platforms.push_back(MOSB_TRY(oci::Platform::parse(platform).context("--platform")));
  }
  const auto from =
      MOSB_TRY(session.open_itself(request.from, flags.insecure, session.notation_config_if_any()));
  const agent::OnLayer on_layer = layer_reporter(session);
  std::optional<agent::ConvertedImage> made;
  MOSB_TRY(make_image_at(
      session,
      request.to,
      flags.insecure,
      [&](oci::Repository& to, const std::string& temp_dir) -> Result<oci::Descriptor> {
        made = MOSB_TRY(
            agent::convert_image(*from, request, to, session.processes(), temp_dir, on_layer));
        return made->descriptor;
      }));
  const agent::ConvertedImage& converted = *made;
  report_left_out(request, converted.left_out);
  if (session.format() == Output::kJson) {
    print_json({{"from", request.from.str()},
                {"to", request.to.str()},
                {"digest", converted.descriptor.digest.str()},
                {"size", converted.descriptor.size},
                {"platforms", names(converted.platforms)},
                {"left_out", digests(converted.left_out)}});
  } else {
    print_line(session, request.to.str() + " " + converted.descriptor.digest.str());
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
              "Layers are converted one by one, an index for all its platforms.\n"
              "The result is another image: sign it.");
  command.option("SRC", flags->from, "The image, with layers of tar").required();
  command.option("DST", flags->to, "Where it goes; an archive is written anew").required();
  command.option("--fs", flags->file_system, "The layers' file system (default squashfs)")
      .one_of({"squashfs", "erofs"});
  command
      .option("--compression", flags->compression, "Of the layers (default zstd, of erofs lz4hc)")
      .one_of({"zstd", "gzip", "xz", "lz4", "lz4hc"});
  command.repeated("--platform",
                   flags->platforms,
                   "OS/ARCHITECTURE[/VARIANT] of an index; may be repeated (default all)");
  add_verity_key_flags(command, flags->verity_key);
  command.flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command.runs([flags](Session& s) { return convert(s, *flags); });
}

}  // namespace mosb::cli
