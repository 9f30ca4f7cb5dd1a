#include "mosb/manifest/read_machine.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "mosb/base/text.h"
#include "mosb/manifest/document.h"
#include "mosb/manifest/machine_fields.h"
#include "mosb/manifest/names.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

constexpr std::uint64_t kMostCpus = 255;
constexpr std::uint64_t kFirstCid = 3;
constexpr std::uint64_t kLastCid = 0xfffffffe;

Result<std::uint64_t> as_cpus(const Node& node) {
  return as_uint(node, 0, kMostCpus);
}

Result<std::uint64_t> as_cid(const Node& node) {
  return as_uint(node, kFirstCid, kLastCid);
}

bool is_zero(const Node* node) {
  return node != nullptr && node->kind == Node::Kind::kPlain && node->text == "0";
}

Result<MachineTpm> as_tpm_version(const Node& node) {
  const std::string text = MOSB_TRY(as_written(node));
  if (text == "1" || text == "1.2") {
    return MachineTpm::k1_2;
  }
  if (text == "2" || text == "2.0") {
    return MachineTpm::k2_0;
  }
  return Error(Errc::kManifest, quote(text) + " is neither 2.0 nor 1.2");
}

Result<MachineScreen> as_screen(const Node& node) {
  if (node.kind == Node::Kind::kPlain && (node.text == "true" || node.text == "false")) {
    return node.text == "true" ? MachineScreen::kSpice : MachineScreen::kNone;
  }
  const std::string text = MOSB_TRY(as_written(node));
  if (text != "spice" && text != "vnc") {
    return Error(Errc::kManifest, quote(text) + " is none of true, false, 'spice' and 'vnc'");
  }
  return text == "vnc" ? MachineScreen::kVnc : MachineScreen::kSpice;
}

void read_processor(const ObjectReader& config, Machine& out) {
  static constexpr std::array<std::string_view, 3> kAccels{"auto", "kvm", "tcg"};
  static constexpr std::array<MachineAccel, 3> kValues{
      MachineAccel::kAuto, MachineAccel::kKvm, MachineAccel::kTcg};
  const std::uint64_t cpus = read_given(config, "cpus", as_cpus).value_or(0);
  out.cpus = cpus == 0 ? out.cpus : static_cast<unsigned>(cpus);
  if (!is_zero(config.find("memory"))) {
    out.memory = read_given(config, "memory", as_memory).value_or(out.memory);
  }
  if (const auto accel = read_word(config, "accel", kAccels)) {
    out.accel = kValues[*accel];
  }
}

void read_kernel(const ObjectReader& config, Machine& out) {
  MachineKernel kernel;
  kernel.image = read_given(config, "kernel", as_host_path).value_or("");
  kernel.initrd = read_given(config, "initrd", as_host_path).value_or("");
  kernel.command_line = read_given(config, "cmdline", as_qemu_value).value_or("");
  for (const std::string_view name : {"initrd", "cmdline"}) {
    if (is_given(config.find(name)) && !is_given(config.find("kernel"))) {
      config.problem(name, config.find(name)->mark, "needs a 'kernel'");
    }
  }
  if (!kernel.image.empty()) {
    out.kernel = std::move(kernel);
  }
}

void read_firmware(const ObjectReader& config, Machine& out, MachineFindings& findings) {
  static constexpr std::array<std::string_view, 2> kBoot{"hdd", "cdrom"};
  out.uefi_code = read_given(config, "uefi-code", as_host_path).value_or("");
  out.uefi_vars = read_given(config, "uefi-vars", as_host_path).value_or("");
  out.secure_boot = read_given(config, "secure-boot", as_bool).value_or(false);
  read_kernel(config, out);
  if (const auto uefi = read_given(config, "uefi", as_bool); uefi && !*uefi) {
    findings.warn(config, "uefi", "has no effect: a machine without a 'kernel' starts with UEFI");
  }
  out.boot =
      read_word(config, "boot", kBoot) == std::size_t{1} ? MachineBoot::kCdrom : MachineBoot::kDisk;
  out.cdrom = read_given(config, "cdrom", as_host_path).value_or("");
}

void read_tpm(const ObjectReader& config, Machine& out) {
  const auto version = read_given(config, "tpm-version", as_tpm_version);
  if (read_given(config, "tpm", as_bool).value_or(false)) {
    out.tpm = version.value_or(MachineTpm::k2_0);
  }
}

std::string read_text(const ObjectReader& reader, std::string_view name) {
  return read_given(reader, name, as_text).value_or("");
}

void read_cloud_init(const ObjectReader& config, Machine& out) {
  const Node* const node = config.find("cloud-init");
  if (!is_given(node)) {
    return;
  }
  const ObjectReader reader(
      *node, config.path("cloud-init"), machine_cloud_init_fields(), config.findings());
  MachineCloudInit cloud_init;
  cloud_init.user_data = read_text(reader, "user-data");
  cloud_init.meta_data = read_text(reader, "meta-data");
  cloud_init.network_config = read_text(reader, "network-config");
  if (cloud_init != MachineCloudInit{}) {
    out.cloud_init = std::move(cloud_init);
  }
}

/// Nics without an id get the first that is free.
void name_nics(Machine& out) {
  std::size_t number = 0;
  for (MachineNic& nic : out.nics) {
    while (nic.id.empty()) {
      std::string id = "nic" + std::to_string(number++);
      const bool taken = std::any_of(
          out.nics.begin(), out.nics.end(), [&](const MachineNic& n) { return n.id == id; });
      nic.id = taken ? "" : std::move(id);
    }
  }
}

void read_nics(const ObjectReader& config, Machine& out, MachineFindings& findings) {
  std::size_t forwarding = 0;
  for (const auto& [path, node] : config.get_list("nics")) {
    MachineNic nic = read_machine_nic(*node, path, findings);
    if (nic.forward_auto && ++forwarding > 1) {
      findings.problems.add(node->mark, path + ".forward", "another nic forwards them already");
    }
    if (nic.forward_auto && !is_given(config.find("manifest"))) {
      findings.problems.add(node->mark, path + ".forward", "needs a 'manifest' beside 'nics'");
    }
    out.nics.push_back(std::move(nic));
  }
  name_nics(out);
  if (forwarding == 0 && is_given(config.find("manifest"))) {
    findings.warn(config, "manifest", "has no effect: no nic has 'forward: auto'");
  }
}

/// The drive that `boot: cdrom` puts first; nullptr: the one of `cdrom`.
const MachineDisk* first_cdrom(const Machine& machine) {
  const auto disk = std::find_if(machine.disks.begin(), machine.disks.end(), [](const auto& d) {
    return d.type == MachineDisk::Type::kCdrom;
  });
  return !machine.cdrom.empty() || disk == machine.disks.end() ? nullptr : &*disk;
}

void check_boot(const ObjectReader& config, const Machine& out, MachineFindings& findings) {
  if (out.boot != MachineBoot::kCdrom) {
    return;
  }
  const MachineDisk* const disk = first_cdrom(out);
  if (out.cdrom.empty() && disk == nullptr) {
    findings.warn(config, "boot", "has no effect: the machine has no cdrom");
  } else if (disk == nullptr || !disk->bootindex) {
    findings.values.add(
        "bootindex 0", config.find("boot")->mark, config.path("boot"), findings.problems);
  }
}

void read_disks(const ObjectReader& config, Machine& out, MachineFindings& findings) {
  for (const auto& [path, node] : config.get_list("disks")) {
    out.disks.push_back(read_machine_disk(*node, path, findings));
  }
}

Result<std::string> as_manifest_file(const Node& node) {
  const std::string text = MOSB_TRY(as_written(node));
  if (text.starts_with("docker://") || text.starts_with("oci:")) {
    return Error(Errc::kManifest,
                 "published manifests are not supported by this mosb; give the manifest as a file");
  }
  return as_host_path(node);
}

void read_config(const Node& node, Machine& out, MachineFindings& findings) {
  const ObjectReader config(node, "config", machine_config_fields(), findings.problems);
  if (is_given(config.find("name"))) {
    const std::string name = config.get_checked("name", check_group_name).value_or(out.name);
    if (!out.name.empty() && name != out.name) {
      findings.warn(config, "name", "is not used: the machine's name is " + quote(out.name));
    } else {
      out.name = name;
    }
  }
  read_processor(config, out);
  read_firmware(config, out, findings);
  read_tpm(config, out);
  out.screen = read_given(config, "gui", as_screen).value_or(MachineScreen::kNone);
  if (is_given(config.find("serial"))) {
    findings.warn(
        config, "serial", "has no effect, as ever: the console is always the first serial port");
  }
  if (const auto cid = read_given(config, "vsock", as_cid)) {
    out.vsock_cid = static_cast<std::uint32_t>(*cid);
  }
  read_cloud_init(config, out);
  out.manifest = read_given(config, "manifest", as_manifest_file).value_or("");
  read_disks(config, out, findings);
  read_nics(config, out, findings);
  check_boot(config, out, findings);
}

/// A file with the contents of `config` only is none, and a list of unknown fields would not say
/// so.
bool is_config_only(const Node& root, Findings& findings) {
  const auto knows = [](std::span<const Field> fields, const Node::Member& member) {
    return std::any_of(
        fields.begin(), fields.end(), [&](const Field& f) { return f.name == member.name; });
  };
  for (const Node::Member& member : root.members) {
    if (!knows(machine_fields(), member) && knows(machine_config_fields(), member)) {
      findings.add(member.mark, member.name, "belongs into 'config:', one level down");
      return true;
    }
  }
  return false;
}

Machine read_machine(const Node& root, MachineFindings& findings) {
  Machine out;
  if (is_config_only(root, findings.problems)) {
    return out;
  }
  static constexpr std::array<std::string_view, 1> kTypes{"kvm"};
  const ObjectReader machine(root, "", machine_fields(), findings.problems);
  (void)read_word(machine, "type", kTypes);
  if (is_given(machine.find("name"))) {
    out.name = machine.get_checked("name", check_group_name).value_or("");
  }
  out.description = read_given(machine, "description", as_text).value_or("");
  out.ephemeral = read_given(machine, "ephemeral", as_bool).value_or(false);
  if (is_given(machine.find("status"))) {
    findings.warn(machine, "status", "is not read: it is what project machine's tool wrote there");
  }
  if (const Node* const config = machine.find("config"); is_given(config)) {
    read_config(*config, out, findings);
  }
  return out;
}

void sort_by_place(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
}

}  // namespace

void Unique::add(const std::string& value,
                 const Mark& mark,
                 const std::string& field,
                 Findings& findings) {
  const auto [first, is_new] = lines_.emplace(value, mark.line);
  if (!is_new) {
    findings.add(
        mark, field, value + " stands twice, first in line " + std::to_string(first->second));
  }
}

void MachineFindings::warn(const ObjectReader& reader, std::string_view name, std::string message) {
  warnings.add(reader.find(name)->mark, reader.path(name), std::move(message));
}

std::optional<std::size_t> read_word(const ObjectReader& reader,
                                     std::string_view name,
                                     std::span<const std::string_view> words) {
  const auto text = read_given(reader, name, as_written);
  if (!text) {
    return std::nullopt;
  }
  const auto word = std::find(words.begin(), words.end(), *text);
  if (word != words.end()) {
    return static_cast<std::size_t>(word - words.begin());
  }
  std::string known;
  for (const std::string_view candidate : words) {
    known += (known.empty() ? "" : ", ") + quote(candidate);
  }
  reader.findings().add(reader.find(name)->mark,
                        reader.path(name),
                        "unknown value " + quote(*text) + ", known: " + known,
                        nearest_name(*text, words));
  return std::nullopt;
}

bool is_off(const Node* node) {
  return node != nullptr && node->is_scalar() && node->text == "off";
}

std::optional<std::uint32_t> read_bootindex(const ObjectReader& reader, MachineFindings& findings) {
  if (is_off(reader.find("bootindex"))) {
    return std::nullopt;
  }
  const auto index = read_given(reader, "bootindex", as_bootindex);
  if (index) {
    findings.values.add("bootindex " + std::to_string(*index),
                        reader.find("bootindex")->mark,
                        reader.path("bootindex"),
                        findings.problems);
  }
  return index;
}

std::optional<std::uint8_t> read_slot(const ObjectReader& reader, MachineFindings& findings) {
  const auto slot = read_given(reader, "addr", as_slot);
  if (!slot) {
    return slot;
  }
  const Node* const node = reader.find("addr");
  if (node->text.starts_with("0x")) {
    findings.warn(reader,
                  "addr",
                  "is slot " + std::to_string(*slot) +
                      " now; project machine's tool gave the device any that was free");
  }
  findings.values.add(
      "addr " + std::to_string(*slot), node->mark, reader.path("addr"), findings.problems);
  return slot;
}

CheckedMachine check_machine(std::string_view text) {
  Document document = read_document(text);
  CheckedMachine checked;
  checked.problems = std::move(document.problems);
  if (!checked.problems.empty()) {
    return checked;
  }
  MachineFindings findings;
  // All of the fields are of one version, the first.
  Machine machine = read_machine(document.root, findings);
  checked.problems = std::move(findings.problems.problems);
  checked.warnings = std::move(findings.warnings.problems);
  sort_by_place(checked.problems);
  sort_by_place(checked.warnings);
  if (checked.problems.empty()) {
    checked.machine = std::move(machine);
  }
  return checked;
}

Error machine_error(const std::vector<Problem>& problems, const std::string& file_name) {
  std::string message = file_name + ":" + to_string(problems.front());
  if (problems.size() > 1) {
    message += " (and " + std::to_string(problems.size() - 1) + " more)";
  }
  return Error(Errc::kManifest, std::move(message))
      .with_hint("docs/machine.md describes the fields");
}

}  // namespace mosb::manifest
