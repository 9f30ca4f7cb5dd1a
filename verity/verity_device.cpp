#include "verity/verity_device.h"

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/text.h"
#include "verity/crypt_library.h"
#include "verity/dm_task.h"

namespace mosb::verity {

namespace {

constexpr char kRequireSignatures[] = "/sys/module/dm_verity/parameters/require_signatures";

class CryptDevice {
 public:
  static Result<CryptDevice> open(const CryptLibrary& library, const std::string& device) {
    crypt_device* handle = nullptr;
    const int status = library.init_data_device(&handle, device.c_str(), device.c_str());
    if (status < 0) {
      return Error::sys("open " + quote(device), -status);
    }
    return CryptDevice(library, handle);
  }
  CryptDevice(CryptDevice&& other) noexcept
      : library_(other.library_), handle_(std::exchange(other.handle_, nullptr)) {}
  CryptDevice& operator=(CryptDevice&&) = delete;
  CryptDevice(const CryptDevice&) = delete;
  CryptDevice& operator=(const CryptDevice&) = delete;
  ~CryptDevice() {
    if (handle_ != nullptr) {
      library_.free(handle_);
    }
  }
  crypt_device* get() const { return handle_; }

 private:
  CryptDevice(const CryptLibrary& library, crypt_device* handle)
      : library_(library), handle_(handle) {}
  const CryptLibrary& library_;
  crypt_device* handle_;
};

/// Keeps the last thing that the library complained about.
void keep_message(int level, const char* message, void* text) {
  if (level == CRYPT_LOG_ERROR) {
    const std::string line(message);
    *static_cast<std::string*>(text) = line.substr(0, line.find_last_not_of("\n") + 1);
  }
}

int activate_as(const CryptLibrary& library, crypt_device* device, const VeritySetup& setup) {
  const Sha256& root = setup.root_hash.bytes();
  const auto* const key = reinterpret_cast<const char*>(root.data());
  if (!setup.signature) {
    return library.activate_by_volume_key(
        device, setup.name.c_str(), key, root.size(), CRYPT_ACTIVATE_READONLY);
  }
  const std::span<const std::byte> signature = setup.signature->der();
  return library.activate_by_signed_key(device,
                                        setup.name.c_str(),
                                        key,
                                        root.size(),
                                        reinterpret_cast<const char*>(signature.data()),
                                        signature.size(),
                                        CRYPT_ACTIVATE_READONLY);
}

Status activate_with(const CryptLibrary& library, const VeritySetup& setup, std::string& words) {
  // For what is said before there is a device, too.
  library.set_log_callback(nullptr, keep_message, &words);
  const ScopeExit forget([&] { library.set_log_callback(nullptr, nullptr, nullptr); });
  const CryptDevice device = MOSB_TRY(CryptDevice::open(library, setup.loop));
  library.set_log_callback(device.get(), keep_message, &words);
  crypt_params_verity params{};
  params.hash_name = "sha256";
  params.data_device = setup.loop.c_str();
  params.salt = reinterpret_cast<const char*>(setup.salt.data());
  params.salt_size = kSaltSize;
  params.hash_type = 1;
  params.data_block_size = kBlockSize;
  params.hash_block_size = kBlockSize;
  params.data_size = setup.geometry.data_blocks;
  params.hash_area_offset = (setup.geometry.superblock_block() + 1) * kBlockSize;
  // The superblock on disk is not asked: nothing signs it.
  params.flags = CRYPT_VERITY_NO_HEADER;
  int status =
      library.format(device.get(), CRYPT_VERITY, nullptr, nullptr, nullptr, nullptr, 0, &params);
  if (status >= 0) {
    status = activate_as(library, device.get(), setup);
  }
  return status < 0 ? Status(Error::sys("activate the verity device " + quote(setup.name), -status))
                    : ok();
}

/// What the kernel says of a signature. libcryptsetup tells it in words only, those of the C
/// library.
Status judge_signature(Status refused, const std::string& words) {
  const auto says = [&](int err) { return words.ends_with(std::strerror(err)); };
  if (says(ENOKEY)) {
    return std::move(refused)
        .as(Errc::kHost)
        .context("the kernel's keyrings lack the key that signed its root hash")
        .with_hint(
            "put the signer's certificate where this kernel looks for it: the firmware's db, "
            "or what the kernel was built with");
  }
  if (says(EKEYREJECTED) || says(EBADMSG)) {
    return std::move(refused)
        .as(Errc::kVerity)
        .context("the signature of its root hash is not good, says the kernel")
        .with_hint("build the image anew with --verity-key");
  }
  return refused;
}

}  // namespace

VerityDevice::VerityDevice(std::string name, std::string path)
    : name_(std::move(name)), path_(std::move(path)) {}

VerityDevice::VerityDevice(VerityDevice&& other) noexcept
    : name_(std::exchange(other.name_, "")), path_(std::move(other.path_)) {}

VerityDevice& VerityDevice::operator=(VerityDevice&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(path_, other.path_);
  return *this;
}

VerityDevice::~VerityDevice() {
  if (!name_.empty()) {
    (void)remove_verity(name_);
  }
}

Status VerityDevice::release() {
  return remove_verity(std::exchange(name_, ""));
}

Result<VerityDevice> VerityDevice::activate(const VeritySetup& setup) {
  // First: it settles that nobody waits for udev.
  MOSB_TRY(dm_library());
  const CryptLibrary* library = MOSB_TRY(crypt_library());
  std::string words;
  Status active = activate_with(*library, setup, words);
  if (!active) {
    if (!words.empty()) {
      active = std::move(active).context(words);
    }
    // No data was read: it is the host that refuses.
    const bool memory = active.error().sys_errno() == ENOMEM;
    active = std::move(active).as(memory ? Errc::kResource : Errc::kHost);
    return setup.signature ? judge_signature(std::move(active), words).error() : active.error();
  }
  // libdevmapper makes the node where there is no udev, and where there is.
  return VerityDevice(setup.name, "/dev/mapper/" + setup.name);
}

Status remove_verity(const std::string& name) {
  DmTask task = MOSB_TRY(DmTask::make(DM_DEVICE_REMOVE, name));
  MOSB_CHECK(task.defer_removal());
  const int err = task.run();
  return err == 0 || err == ENXIO
             ? ok()
             : Status(Error::sys("remove the verity device " + quote(name), err));
}

Result<std::optional<VerityFacts>> read_verity_facts(const std::string& name) {
  DmTask table = MOSB_TRY(DmTask::make(DM_DEVICE_TABLE, name));
  const int err = table.run();
  if (err == ENXIO) {
    return std::optional<VerityFacts>();
  }
  if (err != 0) {
    return Error::sys("read the table of " + quote(name), err).as(Errc::kHost);
  }
  DmTask status = MOSB_TRY(DmTask::make(DM_DEVICE_STATUS, name));
  const int status_err = status.run();
  if (status_err == ENXIO) {
    return std::optional<VerityFacts>();
  }
  if (status_err != 0) {
    return Error::sys("read the status of " + quote(name), status_err).as(Errc::kHost);
  }
  const dm_info info = MOSB_TRY(status.info());
  if (info.exists == 0) {
    return std::optional<VerityFacts>();
  }
  VerityFacts facts;
  facts.name = name;
  facts.device = std::to_string(info.major) + ":" + std::to_string(info.minor);
  facts.read_only = info.read_only != 0;
  const std::vector<DmTarget> targets = table.targets();
  const std::vector<DmTarget> states = status.targets();
  if (targets.size() == 1 && states.size() == 1) {
    facts.target_type = targets.front().type;
    facts.start_sector = targets.front().start;
    facts.sectors = targets.front().length;
    facts.table = targets.front().params;
    facts.corrupt = is_corrupt_status(states.front().params);
  }
  return std::optional(std::move(facts));
}

std::string verity_obstacle() {
  if (!path_exists("/dev/mapper/control")) {
    return "the kernel has no device-mapper, or its module dm_mod is not loaded";
  }
  const auto library = crypt_library();
  if (!library) {
    return library.error().message();
  }
  auto task = DmTask::make(DM_DEVICE_GET_TARGET_VERSION, "verity");
  if (!task) {
    return task.error().message();
  }
  const int err = task->run();
  return err == 0 ? "" : Error::sys("the kernel gives no dm-verity", err).message();
}

bool requires_signed_root_hashes() {
  const auto text = read_kernel_file(kRequireSignatures, ByteCount{16});
  return text && text->starts_with("Y");
}

bool checks_signed_root_hashes() {
  return path_exists(kRequireSignatures);
}

}  // namespace mosb::verity
