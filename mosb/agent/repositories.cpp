#include "mosb/agent/repositories.h"

#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/oci/archive.h"
#include "mosb/oci/auth_file.h"
#include "mosb/oci/curl_http_client.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/registry.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxPassword{4 * kKiB};
/// As many as other tools take: what one connection leaves of a line, some more fill.
constexpr unsigned kParallelFetches = 4;

/// One conversation with a registry: its connection, its tokens, its place in a repository.
struct Conversation {
  // Declared first: the registry uses it to its end.
  std::unique_ptr<oci::HttpClient> http;
  oci::Registry registry;

  static Result<Conversation> open(const oci::Reference& ref, const oci::RegistryOptions& how) {
    std::unique_ptr<oci::HttpClient> http = MOSB_TRY(oci::make_curl_http_client());
    oci::Registry registry = MOSB_TRY(oci::Registry::open(ref.host, ref.repository, how, *http));
    return Conversation{std::move(http), std::move(registry)};
  }
};

/// A registry's repository, with a conversation for each blob that is fetched at the same time.
/// They are kept, so that the next blob finds a connection.
class ConnectedRegistry final : public oci::Repository {
 public:
  ConnectedRegistry(oci::Reference ref, oci::RegistryOptions how, Conversation first)
      : ref_(std::move(ref)), how_(std::move(how)), first_(std::move(first)) {}

  Result<oci::Descriptor> resolve(const oci::Reference& reference) override {
    return first_.registry.resolve(reference);
  }
  Result<std::string> read_manifest(const oci::Descriptor& descriptor) override {
    return first_.registry.read_manifest(descriptor);
  }
  Result<unsigned> stream_blob(const oci::Descriptor& descriptor,
                               std::uint64_t from,
                               const oci::BlobSink& sink) override {
    const std::unique_lock first(first_in_use_, std::try_to_lock);
    if (first) {
      return first_.registry.stream_blob(descriptor, from, sink);
    }
    Conversation own = MOSB_TRY(take());
    auto streamed = own.registry.stream_blob(descriptor, from, sink);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(own));
    return streamed;
  }
  unsigned parallel_fetches() const override { return kParallelFetches; }
  Result<std::vector<oci::Descriptor>> referrers(const oci::Descriptor& subject,
                                                 const std::string& artifact_type) override {
    return first_.registry.referrers(subject, artifact_type);
  }
  Status push_blob(const oci::Descriptor& descriptor, const oci::BlobSource& source) override {
    return first_.registry.push_blob(descriptor, source);
  }
  Status push_manifest(const oci::Descriptor& descriptor,
                       std::string_view bytes,
                       const std::optional<std::string>& tag) override {
    return first_.registry.push_manifest(descriptor, bytes, tag);
  }
  Status push_referrer(const oci::Descriptor& manifest,
                       std::string_view bytes,
                       const oci::Descriptor& subject) override {
    return first_.registry.push_referrer(manifest, bytes, subject);
  }

 private:
  Result<Conversation> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Conversation taken = std::move(idle_.back());
        idle_.pop_back();
        return taken;
      }
    }
    return Conversation::open(ref_, how_);
  }

  oci::Reference ref_;
  oci::RegistryOptions how_;
  Conversation first_;
  std::mutex first_in_use_;
  /// Of idle_.
  std::mutex mutex_;
  std::vector<Conversation> idle_;
};

Result<std::optional<oci::Credentials>> credentials_for(const oci::Reference& ref,
                                                        const RegistryConfiguration& registry) {
  if (!registry.username) {
    return oci::find_credentials(
        ref.host, ref.repository, oci::default_auth_files(oci::AuthFileEnvironment::current()));
  }
  const std::string text =
      MOSB_TRY(read_named_file(registry.password_file.value_or(""), kMaxPassword)
                   .context("password for " + quote(ref.host)));
  std::string password = split(text, '\n').front();
  return std::optional<oci::Credentials>(
      oci::Credentials{*registry.username, std::move(password), ""});
}

std::string environment_ca_file() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program sets the environment
  const char* const file = std::getenv("SSL_CERT_FILE");
  return file == nullptr ? "" : file;
}

Result<std::unique_ptr<oci::Repository>> open_registry(const oci::Reference& ref,
                                                       const Configuration& configuration,
                                                       const OpenOptions& options) {
  const auto it = configuration.registries.find(ref.host);
  const RegistryConfiguration registry =
      it == configuration.registries.end() ? RegistryConfiguration() : it->second;
  oci::RegistryOptions how;
  how.insecure = options.insecure || registry.insecure;
  how.ca_file = registry.ca_file;
  if (how.ca_file.empty() && options.use_environment) {
    how.ca_file = environment_ca_file();
  }
  how.credentials = MOSB_TRY(credentials_for(ref, registry));
  how.trusted_realms = registry.trusted_realms;
  how.use_environment_proxy = options.use_environment;
  Conversation first = MOSB_TRY(Conversation::open(ref, how));
  return std::unique_ptr<oci::Repository>(
      std::make_unique<ConnectedRegistry>(ref, std::move(how), std::move(first)));
}

template <class T>
Result<std::unique_ptr<oci::Repository>> boxed(Result<T> opened) {
  return std::unique_ptr<oci::Repository>(std::make_unique<T>(MOSB_TRY(std::move(opened))));
}

}  // namespace

Result<std::unique_ptr<oci::Repository>> open_repository(const oci::Reference& ref,
                                                         const Configuration& configuration,
                                                         const OpenOptions& options) {
  switch (ref.kind) {
    case oci::Reference::Kind::kRegistry:
      return open_registry(ref, configuration, options);
    case oci::Reference::Kind::kLayout:
      return boxed(options.create ? oci::Layout::open_or_create(ref.path)
                                  : oci::Layout::open(ref.path));
    case oci::Reference::Kind::kArchive:
      return boxed(oci::Archive::open(
          ref.path, options.scratch.empty() ? MOSB_TRY(oci::private_temp_dir()) : options.scratch));
    case oci::Reference::Kind::kStore:
      break;
  }
  return Error(Errc::kUsage, quote(ref.str()) + " names an image in the store, not a place");
}

std::string store_scratch(const Paths& paths) {
  std::string dir = paths.store() + "/tmp";
  return path_exists(dir) ? dir : "";
}

std::string trust_scope(const oci::Reference& ref, const std::string& local_scope) {
  return ref.kind == oci::Reference::Kind::kRegistry ? ref.name() : local_scope;
}

}  // namespace mosb::agent
