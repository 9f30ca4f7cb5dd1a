#include "mosb/cli/image_copy_command.h"

#include <memory>
#include <string>
#include <utility>

#include "mosb/agent/repositories.h"
#include "mosb/base/text.h"
#include "mosb/cli/progress.h"
#include "mosb/cli/session.h"
#include "mosb/oci/archive.h"
#include "mosb/oci/docker_archive.h"
#include "mosb/oci/image_copy.h"
#include "mosb/oci/store.h"

namespace mosb::cli {

namespace {

using Kind = oci::Reference::Kind;

struct CopyFlags {
  std::string from, to;
  bool no_signatures = false;
  bool insecure = false;
};

/// Where an image is copied from. What has its blobs in files is a layout, too.
struct Source {
  std::unique_ptr<oci::Repository> repository;
  oci::Layout* layout = nullptr;

  static Result<Source> open(const Session& session, const oci::Reference& ref, bool insecure) {
    Source source;
    if (ref.kind == Kind::kStore) {
      oci::Store store = MOSB_TRY(oci::Store::open(session.paths().store()));
      if (MOSB_TRY(store.find_all(*ref.digest)).empty()) {
        return Error(Errc::kNotFound, "the store has no image " + quote(ref.str()))
            .with_hint("`mosb image ls` lists those that it has");
      }
      source.repository = std::make_unique<oci::Layout>(store.layout());
    } else {
      source.repository = MOSB_TRY(session.open(ref, insecure, session.notation_config_if_any()));
    }
    source.layout = dynamic_cast<oci::Layout*>(source.repository.get());
    if (auto* const archive = dynamic_cast<oci::Archive*>(source.repository.get())) {
      source.layout = &archive->layout();
    }
    return source;
  }
};

/// From one registry to another everything goes through a file: a blob that has to be sent again is
/// not fetched again.
Result<oci::CopiedImage> copy_to_registry(Session& session,
                                          Source& from,
                                          oci::CopyRequest request,
                                          bool insecure) {
  agent::OpenOptions options;
  options.insecure = insecure;
  options.notation_config = session.notation_config_if_any();
  const auto to =
      MOSB_TRY(agent::open_repository(request.to, MOSB_TRY(session.configuration()), options));
  if (from.layout != nullptr) {
    return oci::push_image(*from.layout, request, *to);
  }
  const std::string temp_dir = MOSB_TRY(oci::private_temp_dir());
  oci::Archive between = MOSB_TRY(oci::Archive::create(temp_dir));
  oci::CopyRequest fetch = request;
  fetch.to = oci::Reference{.kind = Kind::kLayout, .path = between.layout().dir()};
  const oci::CopiedImage fetched = MOSB_TRY(
      oci::copy_image(*from.repository, fetch, between.layout(), progress_reporter(session)));
  request.from = fetch.to.pinned(fetched.manifest.digest);
  return oci::push_image(between.layout(), request, *to);
}

Result<oci::CopiedImage> copy_to(Session& session,
                                 Source& from,
                                 const oci::CopyRequest& request,
                                 bool insecure) {
  switch (request.to.kind) {
    case Kind::kRegistry:
      return copy_to_registry(session, from, request, insecure);
    case Kind::kLayout: {
      oci::Layout to = MOSB_TRY(oci::Layout::open_or_create(request.to.path));
      return oci::copy_image(*from.repository, request, to, progress_reporter(session));
    }
    case Kind::kArchive: {
      const std::string temp_dir = MOSB_TRY(oci::private_temp_dir());
      oci::Archive to = MOSB_TRY(oci::Archive::create(temp_dir));
      oci::CopiedImage copied = MOSB_TRY(
          oci::copy_image(*from.repository, request, to.layout(), progress_reporter(session)));
      MOSB_CHECK(to.save(request.to.path));
      return copied;
    }
    case Kind::kDockerArchive:
      return oci::docker_archive_is_only_read(request.to.str());
    case Kind::kStore:
      break;
  }
  return Error(Errc::kUsage, quote(request.to.str()) + " names an image in the store, not a place")
      .with_hint("the store takes only what was verified: `mosb apply`, `mosb mount`");
}

Result<int> copy(Session& session, const CopyFlags& flags) {
  const oci::CopyRequest request{.from = MOSB_TRY(oci::Reference::parse(flags.from)),
                                 .to = MOSB_TRY(oci::Reference::parse(flags.to)),
                                 .with_signatures = !flags.no_signatures};
  Source from = MOSB_TRY(Source::open(session, request.from, flags.insecure));
  const oci::CopiedImage copied = MOSB_TRY(copy_to(session, from, request, flags.insecure));
  if (session.format() == Output::kJson) {
    print_json({{"from", request.from.str()},
                {"to", request.to.str()},
                {"digest", copied.manifest.digest.str()},
                {"manifests", copied.manifests},
                {"signatures", copied.signatures},
                {"referrers", copied.referrers},
                {"blobs", copied.blobs},
                {"bytes", copied.bytes.value}});
  } else {
    print_line(session,
               request.to.str() + " " + copied.manifest.digest.str() + ": " +
                   std::to_string(copied.blobs) + " blobs, " + std::to_string(copied.bytes.value) +
                   " bytes, " + std::to_string(copied.signatures) + " signatures, " +
                   std::to_string(copied.referrers) + " other referrers");
  }
  return 0;
}

}  // namespace

void add_image_copy(Command& image) {
  const auto flags = std::make_shared<CopyFlags>();
  Command command =
      image
          .subcommand("copy",
                      "Copy an image, for all its platforms, with signatures and other referrers")
          .example(
              "mosb image copy docker://registry.example/web:1.4 oci-archive:web.tar\n"
              "Every digest is checked; whether a signature is good, its reader decides.");
  command.option("SRC", flags->from, "The image").required();
  command.option("DST", flags->to, "Where it goes; an archive is written anew").required();
  command.flag("--no-signatures", flags->no_signatures, "Leave out its signatures");
  command.flag("--insecure-registry", flags->insecure, "Allow plain HTTP");
  command.runs([flags](Session& s) { return copy(s, *flags); });
}

}  // namespace mosb::cli
