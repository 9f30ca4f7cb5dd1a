#include "mosb/trust/trust_store_edit.h"

#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/trust/trust_store.h"
#include "mosb/trust/trusted_file.h"

namespace mosb::trust {

namespace {

constexpr std::size_t kMaxEntries = 1000;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

/// Nothing there is an empty list.
Result<std::vector<std::string>> list_or_empty(const std::string& dir) {
  auto names = list_trusted_directory(dir, kMaxEntries);
  if (!names && names.error().code() == Errc::kNotFound) {
    return std::vector<std::string>();
  }
  return names;
}

Result<std::vector<Certificate>> read_anchors(const std::string& bytes, TrustStoreType type) {
  std::vector<Certificate> certificates = MOSB_TRY(Certificate::from_file_bytes(bytes));
  for (const Certificate& certificate : certificates) {
    MOSB_CHECK(TrustStore::check_anchor(certificate, type));
  }
  return certificates;
}

TrustStoreFile read_entry(const std::string& config_dir,
                          const TrustStoreName& store,
                          const std::string& name) {
  TrustStoreFile file{store, name, {}, ""};
  const std::string path = TrustStore::path(config_dir, store) + "/" + name;
  const auto bytes = read_trusted_file(path, kMaxTrustStoreFile);
  if (!bytes) {
    file.problem = bytes.error().message();
    return file;
  }
  auto anchors = read_anchors(*bytes, store.type);
  if (anchors) {
    file.certificates = *std::move(anchors);
  } else {
    file.problem = anchors.error().message();
  }
  return file;
}

struct NewFile {
  std::string name;
  std::string bytes;
};

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

Result<NewFile> read_new(const std::string& path, const TrustStore& present) {
  const std::string bytes = MOSB_TRY(read_named_file(path, kMaxTrustStoreFile));
  for (const Certificate& certificate :
       MOSB_TRY(read_anchors(bytes, present.name.type).as(Errc::kPolicy))) {
    if (present.contains(certificate)) {
      return Error(
          Errc::kUsage,
          "certificate " + quote(certificate.fields().subject) + " is in the trust store already");
    }
  }
  return NewFile{base_name(path), bytes};
}

/// What is in a store now; nothing if it is not there yet.
Result<TrustStore> load_or_empty(const std::string& config_dir, const TrustStoreName& store) {
  const auto names = MOSB_TRY(list_or_empty(TrustStore::path(config_dir, store)));
  return names.empty() ? TrustStore{store, {}} : TrustStore::load(config_dir, store);
}

}  // namespace

Result<std::vector<TrustStoreFile>> list_trust_stores(const std::string& config_dir) {
  std::vector<TrustStoreFile> files;
  for (const TrustStoreType type :
       {TrustStoreType::kCa, TrustStoreType::kSigningAuthority, TrustStoreType::kTsa}) {
    const std::string dir = config_dir + "/truststore/x509/" + trust_store_type_name(type);
    for (const std::string& store : MOSB_TRY(list_or_empty(dir))) {
      const TrustStoreName name{type, store};
      for (const std::string& entry : MOSB_TRY(list_or_empty(TrustStore::path(config_dir, name)))) {
        files.push_back(read_entry(config_dir, name, entry));
      }
    }
  }
  return files;
}

Result<std::vector<std::string>> add_to_trust_store(const std::string& config_dir,
                                                    const TrustStoreName& store,
                                                    const std::vector<std::string>& files) {
  if (!is_trust_store_name(store.name)) {
    return Error(Errc::kUsage, quote(store.name) + " is not a trust store name");
  }
  const std::string dir = TrustStore::path(config_dir, store);
  const TrustStore present = MOSB_TRY(load_or_empty(config_dir, store));
  std::vector<NewFile> added;
  for (const std::string& file : files) {
    added.push_back(MOSB_TRY(read_new(file, present).context("add " + quote(file))));
    const std::string target = dir + "/" + added.back().name;
    if (path_exists(target)) {
      return Error(Errc::kUsage, "add " + quote(file) + ": " + quote(target) + " exists already");
    }
  }
  MOSB_CHECK(sys::mkdir_all(dir, kDirectoryMode));
  std::vector<std::string> written;
  for (const NewFile& file : added) {
    written.push_back(dir + "/" + file.name);
    MOSB_CHECK(write_file_atomic(written.back(), file.bytes, kFileMode));
  }
  return written;
}

Status remove_from_trust_store(const std::string& config_dir,
                               const TrustStoreName& store,
                               const std::vector<std::string>& names) {
  if (!is_trust_store_name(store.name)) {
    return Error(Errc::kUsage, quote(store.name) + " is not a trust store name");
  }
  const std::string dir = TrustStore::path(config_dir, store);
  if (!path_exists(dir)) {
    return Error(Errc::kNotFound, "there is no trust store '" + store.str() + "'");
  }
  for (const std::string& name : names) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
      return Error(Errc::kUsage, quote(name) + " is not the name of a file in a trust store");
    }
    if (!path_exists(dir + "/" + name)) {
      return Error(Errc::kNotFound, "trust store '" + store.str() + "' has no file " + quote(name));
    }
  }
  if (names.empty()) {
    return remove_tree(dir);
  }
  for (const std::string& name : names) {
    MOSB_CHECK(sys::unlink(dir + "/" + name));
  }
  return fsync_dir(dir);
}

}  // namespace mosb::trust
