#include "mosb/cli/session.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <unistd.h>

#include "mosb/agent/instance.h"
#include "mosb/agent/repositories.h"
#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/oci/store.h"
#include "mosb/trust/notation_config.h"

namespace mosb::cli {

namespace {

constexpr ByteCount kMaxConfiguration{1 * kMiB};

/// The store as a repository of its own. It is opened for writing, which takes its lock, with the
/// first push.
class StoreRepository final : public oci::Repository {
 public:
  explicit StoreRepository(oci::Store store) : store_(std::move(store)) {}
  Result<oci::Descriptor> resolve(const oci::Reference& reference) override {
    const auto records = MOSB_TRY(store_.find_all(*reference.digest));
    if (records.empty()) {
      return Error(Errc::kNotFound, "the store has no image " + quote(reference.str()));
    }
    return records.front().manifest;
  }
  Result<std::string> read_manifest(const oci::Descriptor& descriptor) override {
    return store_.repository().read_manifest(descriptor);
  }
  Result<unsigned> stream_blob(const oci::Descriptor& descriptor,
                               std::uint64_t from,
                               const oci::BlobSink& sink) override {
    return store_.repository().stream_blob(descriptor, from, sink);
  }
  Result<std::vector<oci::Descriptor>> referrers(const oci::Descriptor& subject,
                                                 const std::string& artifact_type) override {
    return store_.repository().referrers(subject, artifact_type);
  }
  Status push_blob(const oci::Descriptor& descriptor, const oci::BlobSource& source) override {
    return MOSB_TRY(writer())->push_blob(descriptor, source);
  }
  Status push_manifest(const oci::Descriptor& descriptor,
                       std::string_view bytes,
                       const std::optional<std::string>& tag) override {
    return MOSB_TRY(writer())->push_manifest(descriptor, bytes, tag);
  }
  Status push_referrer(const oci::Descriptor& manifest,
                       std::string_view bytes,
                       const oci::Descriptor& subject) override {
    return MOSB_TRY(writer())->push_referrer(manifest, bytes, subject);
  }

 private:
  Result<oci::Repository*> writer() {
    if (!writer_) {
      writer_ = MOSB_TRY(oci::Store::open_or_create(store_.dir()));
    }
    return &writer_->repository();
  }

  oci::Store store_;
  std::optional<oci::Store> writer_;
};

}  // namespace

Status Session::resolve_root() {
  namespace fs = std::filesystem;
  if (root.empty()) {
    return ok();
  }
  std::error_code error;
  fs::path real = fs::absolute(root, error);
  if (!error) {
    real = fs::weakly_canonical(real, error);
  }
  if (error) {
    return Error::sys("--root " + quote(root), error.value()).as(Errc::kUsage);
  }
  // A directory that does not exist yet keeps the slash that it was given with.
  root = real.has_filename() ? real.string() : real.parent_path().string();
  return ok();
}

Result<agent::Configuration> Session::configuration() const {
  const std::string path = config_file.empty() ? paths().config_file() : config_file;
  const auto text = read_named_file(path, kMaxConfiguration);
  if (!text) {
    if (text.error().sys_errno() == ENOENT && config_file.empty()) {
      return agent::Configuration();
    }
    return text.error();
  }
  return agent::Configuration::parse(*text, path);
}

Result<std::string> Session::notation_config(const std::string& given) const {
  if (!given.empty()) {
    return given;
  }
  const agent::Configuration config = MOSB_TRY(configuration());
  const std::string dir =
      config.notation_config ? *config.notation_config : trust::default_notation_config_dir();
  if (dir.empty()) {
    return Error(Errc::kPolicy, "there is no notation configuration")
        .with_hint("give --notation-config DIR; `mosb keyset create` makes one");
  }
  return dir;
}

std::string Session::notation_config_if_any(const std::string& given) const {
  auto dir = notation_config(given);
  return dir ? *std::move(dir) : std::string();
}

Result<std::string> Session::scope(const oci::Reference& ref, const std::string& given) const {
  if (!given.empty()) {
    return given;
  }
  if (ref.kind != oci::Reference::Kind::kStore) {
    return agent::trust_scope(ref, MOSB_TRY(configuration()).local_scope);
  }
  const oci::Store store = MOSB_TRY(oci::Store::open(paths().store()));
  const auto records = MOSB_TRY(store.find_all(*ref.digest));
  if (records.empty()) {
    return Error(Errc::kNotFound, "the store has no image " + quote(ref.str()));
  }
  for (const oci::StoredImage& record : records) {
    if (record.scope != records.front().scope) {
      return Error(Errc::kUsage, quote(ref.str()) + " was accepted under several trust scopes")
          .with_hint("name one of them with --scope");
    }
  }
  return records.front().scope;
}

Result<std::unique_ptr<oci::Repository>> Session::open_place(const oci::Reference& ref,
                                                             agent::OpenOptions options) const {
  if (ref.kind == oci::Reference::Kind::kStore) {
    return std::unique_ptr<oci::Repository>(
        std::make_unique<StoreRepository>(MOSB_TRY(oci::Store::open(paths().store()))));
  }
  options.scratch = agent::store_scratch(paths());
  return agent::open_repository(ref, MOSB_TRY(configuration()), options);
}

Result<std::unique_ptr<oci::Repository>> Session::open(const oci::Reference& ref,
                                                       bool insecure,
                                                       const std::string& notation_config) const {
  return open_place(ref, {.insecure = insecure, .notation_config = notation_config});
}

Result<std::unique_ptr<oci::Repository>> Session::open_itself(
    const oci::Reference& ref, bool insecure, const std::string& notation_config) const {
  return open_place(ref,
                    {.insecure = insecure, .notation_config = notation_config, .mirrors = false});
}

bool Session::shows_bar() const {
  return progress == "auto" && !quiet && ::isatty(STDERR_FILENO) == 1;
}

void print_json(const Json& value) {
  // Bytes that are not UTF-8 (a service's environment may hold any) become U+FFFD.
  const std::string text = value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_line(const Session& session, const std::string& text) {
  if (!session.quiet) {
    const std::string line = escape(text) + "\n";
    (void)std::fwrite(line.data(), 1, line.size(), stdout);
  }
}

}  // namespace mosb::cli
