#include "mosb/agent/repositories.h"

#include <chrono>
#include <utility>
#include <vector>

#include "mosb/agent/environment_ca.h"
#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/process.h"
#include "mosb/base/text.h"
#include "mosb/oci/archive.h"
#include "mosb/oci/auth_file.h"
#include "mosb/oci/connected_registry.h"
#include "mosb/oci/credential_helper.h"
#include "mosb/oci/docker_archive.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/mirrored_repository.h"
#include "mosb/oci/unreachable_hosts.h"
#include "mosb/trust/notation_config.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxPassword{4 * kKiB};
/// A mirror that is slow or away must not hold up what the registry itself has.
constexpr oci::HttpTimeouts kMirrorTimeouts{.connect = std::chrono::seconds(3),
                                            .request = std::chrono::seconds(20),
                                            .rate_window = std::chrono::seconds(10)};

/// Mirrors that gave no answer to one service, so that the next ones don't wait for them, too.
oci::UnreachableHosts& silent_mirrors() {
  static oci::UnreachableHosts hosts;
  return hosts;
}

Result<std::optional<oci::Credentials>> credentials_for(const std::string& host,
                                                        const std::string& repository,
                                                        const RegistryConfiguration& registry) {
  if (!registry.username) {
    RealProcessRunner processes;
    oci::CredentialHelpers helpers(processes, oci::CredentialHelpers::Environment::current());
    return oci::find_credentials(
        host, repository, oci::default_auth_files(oci::AuthFileEnvironment::current()), helpers);
  }
  const std::string text =
      MOSB_TRY(read_named_file(registry.password_file.value_or(""), kMaxPassword)
                   .context("password for " + quote(host)));
  std::string password = split(text, '\n').front();
  return std::optional<oci::Credentials>(
      oci::Credentials{*registry.username, std::move(password), ""});
}

RegistryConfiguration configured(const Configuration& configuration, const std::string& host) {
  const auto it = configuration.registries.find(host);
  return it == configuration.registries.end() ? RegistryConfiguration() : it->second;
}

/// Opens one repository of one host, as that host is configured.
Result<std::unique_ptr<oci::Repository>> open_place(const std::string& host,
                                                    const std::string& repository,
                                                    const RegistryConfiguration& registry,
                                                    const OpenOptions& options,
                                                    oci::RegistryOptions how) {
  how.insecure = options.insecure || registry.insecure;
  if (!how.insecure && !options.notation_config.empty()) {
    how.insecure = MOSB_TRY(trust::is_insecure_registry(options.notation_config, host));
  }
  how.ca_file = registry.ca_file;
  if (how.ca_file.empty() && options.use_environment) {
    how.ca_file = environment_ca_file();
  }
  how.credentials = MOSB_TRY(credentials_for(host, repository, registry));
  how.trusted_realms = registry.trusted_realms;
  how.use_environment_proxy = options.use_environment;
  return oci::ConnectedRegistry::open(host, repository, how);
}

oci::Place mirror_place(const oci::MirrorName& mirror,
                        const oci::Reference& ref,
                        const Configuration& configuration,
                        OpenOptions options) {
  // The flag is meant for the registry that was named with it.
  options.insecure = false;
  const std::string repository = mirror.repository(ref.repository);
  return {mirror.host + "/" + repository,
          [host = mirror.host,
           repository,
           registry = configured(configuration, mirror.host),
           options = std::move(options)] {
            return open_place(host,
                              repository,
                              registry,
                              options,
                              {.timeouts = kMirrorTimeouts,
                               .retries = {.attempts = 1, .unreachable = &silent_mirrors()}});
          }};
}

Result<std::unique_ptr<oci::Repository>> open_registry(const oci::Reference& ref,
                                                       const Configuration& configuration,
                                                       const OpenOptions& options) {
  const RegistryConfiguration registry = configured(configuration, ref.host);
  const auto open = [ref, registry, options] {
    return open_place(ref.host, ref.repository, registry, options, {});
  };
  if (registry.mirrors.empty() || !options.mirrors || options.create) {
    return open();
  }
  std::vector<oci::Place> mirrors;
  for (const oci::MirrorName& mirror : registry.mirrors) {
    mirrors.push_back(mirror_place(mirror, ref, configuration, options));
  }
  const auto on_left = [](const std::string& place, const Error& why) {
    const std::string text = place + " is left for another place: " + why.message();
    // A mirror need not have everything.
    why.code() == Errc::kNotFound ? log::info(text) : log::warn(text);
  };
  return std::unique_ptr<oci::Repository>(std::make_unique<oci::MirroredRepository>(
      std::move(mirrors), oci::Place{ref.name(), open}, on_left));
}

template <class T>
Result<std::unique_ptr<oci::Repository>> boxed(Result<T> opened) {
  return std::unique_ptr<oci::Repository>(std::make_unique<T>(MOSB_TRY(std::move(opened))));
}

Result<std::unique_ptr<oci::Repository>> open_docker_archive(const oci::Reference& ref,
                                                             const OpenOptions& options) {
  if (options.create) {
    return oci::docker_archive_is_only_read(ref.str());
  }
  auto archive = oci::DockerArchive::open(ref.path, options.scratch);
  if (!archive) {
    return archive.error();
  }
  return std::unique_ptr<oci::Repository>(
      std::make_unique<oci::DockerArchive>(*std::move(archive)));
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
    case oci::Reference::Kind::kDockerArchive:
      return open_docker_archive(ref, options);
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
