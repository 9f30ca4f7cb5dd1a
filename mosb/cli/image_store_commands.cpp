#include "mosb/cli/image_store_commands.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mosb/agent/image_removal.h"
#include "mosb/agent/image_users.h"
#include "mosb/agent/instance.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/cli/image_scrub_command.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"
#include "mosb/oci/store.h"

namespace mosb::cli {

namespace {

struct RemovalFlags {
  std::string ref, scope;
  bool dry_run = false;
};

Json to_json(const oci::StoredImage& image) {
  return {{"ref", image.ref}, {"scope", image.scope}, {"digest", image.manifest.digest.str()}};
}

Json to_json(const agent::ImageRemoval& removal) {
  Json removed = Json::array();
  for (const auto& [digest, size] : removal.blobs) {
    removed.push_back({{"digest", digest.str()}, {"size", size.value}});
  }
  Json images = Json::array();
  for (const oci::StoredImage& image : removal.records) {
    images.push_back(to_json(image));
  }
  return {{"images", images},
          {"removed", removed},
          {"bytes", removal.bytes.value},
          {"kept", removal.kept}};
}

/// The images are there even if the state that says who uses them is not.
std::vector<agent::ImageUser> find_users(const Session& session,
                                         oci::Store& store,
                                         const std::vector<oci::StoredImage>& images) {
  auto users = agent::image_users(session.paths(), store, images);
  if (!users) {
    log::warn("what uses the images is not known: " + users.error().message());
    return {};
  }
  return *std::move(users);
}

struct ListedImage {
  oci::StoredImage image;
  /// nullopt if a blob of it is missing.
  std::optional<ByteCount> size;
  std::vector<std::string> pinned_by;
};

Result<std::vector<ListedImage>> list_images(const Session& session) {
  std::vector<ListedImage> listed;
  if (!oci::Store::exists(session.paths().store())) {
    return listed;
  }
  oci::Store store = MOSB_TRY(oci::Store::open(session.paths().store()));
  std::vector<oci::StoredImage> images = MOSB_TRY(store.images());
  const std::vector<agent::ImageUser> users = find_users(session, store, images);
  listed.reserve(images.size());
  for (oci::StoredImage& image : images) {
    const auto size = store.size(image);
    std::vector<std::string> names = names_of(users_of(image, users));
    listed.push_back({.image = std::move(image),
                      .size = size ? std::optional(*size) : std::nullopt,
                      .pinned_by = std::move(names)});
  }
  return listed;
}

Json to_json(const std::vector<ListedImage>& listed) {
  Json json = Json::array();
  for (const ListedImage& entry : listed) {
    Json object = to_json(entry.image);
    object["size"] = entry.size ? Json(entry.size->value) : Json(nullptr);
    object["pinned_by"] = entry.pinned_by;
    json.push_back(std::move(object));
  }
  return json;
}

std::string to_table(const std::vector<ListedImage>& listed) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(listed.size());
  for (const ListedImage& entry : listed) {
    rows.push_back({entry.image.ref,
                    entry.image.scope,
                    entry.image.manifest.digest.str(),
                    entry.size ? std::to_string(entry.size->value) : "?",
                    join(entry.pinned_by, ", ")});
  }
  return render_table({"IMAGE", "SCOPE", "DIGEST", "SIZE", "PINNED BY"}, rows);
}

Result<int> list(Session& session) {
  const std::vector<ListedImage> listed = MOSB_TRY(list_images(session));
  if (session.format() == Output::kJson) {
    print_json(to_json(listed));
  } else if (!session.quiet) {
    (void)std::fputs(to_table(listed).c_str(), stdout);
  }
  return 0;
}

void warn_all(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    log::warn(warning);
  }
}

Result<int> remove(Session& session, const RemovalFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  const agent::ImageRemoval removal =
      MOSB_TRY(agent::remove_image(instance, ref.str(), flags.scope));
  warn_all(removal.warnings);
  if (session.format() == Output::kJson) {
    print_json(to_json(removal));
    return 0;
  }
  for (const oci::StoredImage& image : removal.records) {
    print_line(session, "Removed " + image.ref + " (" + image.manifest.digest.str() + ")");
  }
  print_line(session,
             std::to_string(removal.blobs.size()) + " blobs went, " +
                 std::to_string(removal.bytes.value) + " bytes became free");
  return 0;
}

Result<int> collect(Session& session, const RemovalFlags& flags) {
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  const agent::ImageRemoval removal = MOSB_TRY(agent::collect_images(
      instance, flags.dry_run ? agent::Removal::kPlanOnly : agent::Removal::kDo));
  warn_all(removal.warnings);
  if (session.format() == Output::kJson) {
    Json json = to_json(removal);
    json.erase("images");
    print_json(json);
    return 0;
  }
  for (const auto& [digest, size] : removal.blobs) {
    print_line(session, digest.str() + " " + std::to_string(size.value));
  }
  print_line(session,
             std::to_string(removal.blobs.size()) + " blobs of " +
                 std::to_string(removal.bytes.value) + " bytes " +
                 (flags.dry_run ? "would go, " : "went, ") + std::to_string(removal.kept) +
                 " stay");
  return 0;
}

void add_remove(Command& image) {
  const auto flags = std::make_shared<RemovalFlags>();
  Command command = image.subcommand("rm", "Remove an image from the store, and what only it needs")
                        .example("mosb image rm registry.example/app:1.0");
  command.option("REF", flags->ref, "As `mosb image ls` shows it, or its digest").required();
  command.option("--scope", flags->scope, "Trust scope that it was accepted under");
  command.runs([flags](Session& s) { return remove(s, *flags); });
}

void add_collect(Command& image) {
  const auto flags = std::make_shared<RemovalFlags>();
  Command command =
      image.subcommand("gc", "Remove what no image, service or mount needs from the store")
          .example("mosb image gc --dry-run\nImages stay: `mosb image rm` removes one.");
  command.flag("--dry-run", flags->dry_run, "Show what would go, and remove nothing");
  command.runs([flags](Session& s) { return collect(s, *flags); });
}

}  // namespace

void add_image_store_commands(Command& image) {
  Command command = image.subcommand("ls", "List the images in the store").example("mosb image ls");
  command.runs([](Session& s) { return list(s); });
  add_remove(image);
  add_collect(image);
  add_image_scrub(image);
}

}  // namespace mosb::cli
