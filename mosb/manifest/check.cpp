#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/manifest/document.h"
#include "mosb/manifest/manifest.h"
#include "mosb/manifest/names.h"
#include "mosb/manifest/object_reader.h"
#include "mosb/manifest/read_target.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

Result<std::uint64_t> as_version(const Node& node) {
  return as_uint(node, 1, 2);
}

/// Reports names that were seen before.
class Names {
 public:
  Names(std::string what, Findings& findings) : what_(std::move(what)), findings_(findings) {}
  void add(const std::string& name, const Mark& mark, const std::string& path) {
    if (name.empty()) {
      return;  // reported already
    }
    const auto [first, is_new] = lines_.emplace(name, mark.line);
    if (!is_new) {
      findings_.add(mark,
                    path,
                    what_ + " " + quote(name) + " stands twice, first in line " +
                        std::to_string(first->second));
    }
  }

 private:
  std::string what_;
  Findings& findings_;
  std::map<std::string, unsigned> lines_;
};

Mark mark_of(const Node& mapping, std::string_view member) {
  for (const Node::Member& candidate : mapping.members) {
    if (candidate.name == member) {
      return candidate.value.mark;
    }
  }
  return mapping.mark;
}

std::vector<Volume> read_volumes(const ObjectReader& manifest) {
  std::vector<Volume> volumes;
  Names labels("label", manifest.findings());
  for (const auto& [path, node] : manifest.get_list("storage")) {
    const ObjectReader reader(*node, path, volume_fields(), manifest.findings());
    Volume volume;
    reader.demand("label");
    volume.label = reader.get_checked("label", check_label).value_or("");
    labels.add(volume.label, mark_of(*node, "label"), path + ".label");
    volume.persistent = reader.get("persistent", as_bool).value_or(false);
    const auto group = reader.get("nsgroup", as_text);
    if (group && !group->empty() && *group != "none") {
      volume.nsgroup = reader.get_checked("nsgroup", check_group_name);
    }
    volume.size = reader.get("size", as_size_or_mib);
    volumes.push_back(std::move(volume));
  }
  return volumes;
}

/// A volume shows its files with the ids of whoever mounts it. A group that asks for just that is
/// fine; another one would need other ids.
void check_group(const Volume& volume,
                 const Target& target,
                 const Mark& mark,
                 const std::string& path,
                 Findings& findings) {
  if (volume.nsgroup && volume.nsgroup != target.nsgroup) {
    findings.add(mark,
                 path,
                 "field 'nsgroup' of volume " + quote(volume.label) + " names " +
                     quote(*volume.nsgroup) + ", not the service's group " +
                     quote(target.nsgroup.value_or("none")) +
                     ": this is not supported by this mosb");
  }
}

/// Every mount of a target must name a volume of the list.
void check_labels(const Manifest& manifest,
                  const Node& node,
                  const Target& target,
                  const std::string& path,
                  Findings& findings) {
  std::vector<std::string_view> labels;
  for (const Volume& volume : manifest.storage) {
    labels.push_back(volume.label);
  }
  const auto storage = std::find_if(
      node.members.begin(), node.members.end(), [](const auto& m) { return m.name == "storage"; });
  for (std::size_t i = 0; i < target.storage.size(); ++i) {
    const std::string& label = target.storage[i].label;
    const Mark mark = mark_of(storage->value.items[i], "label");
    const std::string field = path + ".storage[" + std::to_string(i) + "].label";
    const auto known = std::find(labels.begin(), labels.end(), label);
    if (known != labels.end()) {
      const auto index = static_cast<std::size_t>(known - labels.begin());
      check_group(manifest.storage[index], target, mark, field, findings);
    }
    if (label.empty() || known != labels.end()) {
      continue;
    }
    findings.add(mark,
                 field,
                 "no volume of the manifest's storage has the label " + quote(label),
                 nearest_name(label, labels));
  }
}

void read_targets(const ObjectReader& reader, Manifest& manifest) {
  Names names("service name", reader.findings());
  for (const auto& [path, node] : reader.get_list("targets")) {
    Target target = read_target(*node, path, reader.findings());
    names.add(target.service_name, mark_of(*node, "service_name"), path + ".service_name");
    check_labels(manifest, *node, target, path, reader.findings());
    manifest.targets.push_back(std::move(target));
  }
}

UpdateType read_update_type(const ObjectReader& reader) {
  static constexpr std::array<std::string_view, 2> kWords{"complete", "partial"};
  if (reader.find("update_type") == nullptr && reader.findings().version >= 2) {
    reader.problem("update_type", reader.mark(), "is missing: 'complete' or 'partial'");
  }
  return reader.get_word("update_type", kWords, {}) == std::size_t{0} ? UpdateType::kComplete
                                                                      : UpdateType::kPartial;
}

/// The version decides on the fields, so it is read before the rest.
int read_version(const Node& root, Findings& findings) {
  for (const Node::Member& member : root.members) {
    if (member.name == "version") {
      const auto version = as_version(member.value);
      if (version) {
        return static_cast<int>(*version);
      }
      findings.add(member.value.mark, "version", version.error().message());
      return 2;
    }
  }
  findings.add(root.mark, "version", "is missing");
  return 2;
}

Manifest read_manifest(const Node& root, Findings& findings) {
  if (root.kind == Node::Kind::kMapping) {
    findings.version = read_version(root, findings);
  }
  const ObjectReader reader(root, "", manifest_fields(), findings);
  Manifest manifest;
  manifest.version = findings.version;
  manifest.product = reader.require("product", as_line).value_or("");
  manifest.update_type = read_update_type(reader);
  manifest.storage = read_volumes(reader);
  reader.demand("targets");
  read_targets(reader, manifest);
  return manifest;
}

}  // namespace

Checked check(std::string_view text) {
  Document document = read_document(text);
  if (!document.problems.empty()) {
    return Checked{std::nullopt, std::move(document.problems)};
  }
  Findings findings;
  Manifest manifest = read_manifest(document.root, findings);
  if (findings.problems.empty()) {
    return Checked{std::move(manifest), {}};
  }
  const auto place = [](const Problem& p) { return std::tie(p.line, p.column); };
  std::stable_sort(findings.problems.begin(),
                   findings.problems.end(),
                   [&](const Problem& a, const Problem& b) { return place(a) < place(b); });
  return Checked{std::nullopt, std::move(findings.problems)};
}

Result<Manifest> parse(std::string_view text, const std::string& file_name) {
  Checked checked = check(text);
  if (checked.manifest) {
    return *std::move(checked.manifest);
  }
  std::string message = file_name + ":" + to_string(checked.problems.front());
  if (checked.problems.size() > 1) {
    message += " (and " + std::to_string(checked.problems.size() - 1) + " more)";
  }
  Error error(Errc::kManifest, std::move(message));
  if (checked.problems.size() > 1) {
    return std::move(error).with_hint("'mosb check' lists every problem");
  }
  return error;
}

const char* service_type_name(ServiceType type) {
  switch (type) {
    case ServiceType::kContainer:
      return "container";
    case ServiceType::kFsOnly:
      return "fs-only";
    case ServiceType::kHostfs:
      return "hostfs";
  }
  return "container";
}

const char* protocol_name(TargetPort::Protocol protocol) {
  switch (protocol) {
    case TargetPort::Protocol::kTcp:
      return "tcp";
    case TargetPort::Protocol::kUdp:
      return "udp";
    case TargetPort::Protocol::kBoth:
      return "both";
  }
  return "tcp";
}

const char* network_type_name(TargetNetwork::Type type) {
  switch (type) {
    case TargetNetwork::Type::kNone:
      return "none";
    case TargetNetwork::Type::kHost:
      return "host";
    case TargetNetwork::Type::kSimple:
      return "simple";
  }
  return "none";
}

}  // namespace mosb::manifest
