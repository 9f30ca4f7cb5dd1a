#include "mosb/agent/desired.h"

#include <algorithm>

#include "mosb/agent/repositories.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

/// A manifest with this one target: what is kept of a manifest for each of its services.
manifest::Manifest only(const manifest::Manifest& manifest, const manifest::Target& target) {
  manifest::Manifest one = manifest;
  one.targets = {target};
  return one;
}

bool uses(const ServiceSpec& spec, const std::string& label) {
  return std::any_of(spec.volumes.begin(), spec.volumes.end(), [&](const VolumeBind& bind) {
    return bind.label == label;
  });
}

}  // namespace

Result<AdmittedTarget> admit_target(const manifest::Manifest& manifest,
                                    const manifest::Target& target,
                                    oci::Store& store,
                                    const DesiredRequest& request) {
  const std::string what = "service " + quote(target.service_name);
  const oci::Reference ref =
      MOSB_TRY(oci::Reference::parse(target.source).context(what).as(Errc::kManifest));
  OpenOptions options;
  options.scratch = store_scratch(request.paths);
  options.notation_config = request.trust.notation_config_dir;
  std::shared_ptr<oci::Repository> source =
      MOSB_TRY(open_repository(ref, request.configuration, options).context(what));
  const AdmissionRequest admission{ref,
                                   trust_scope(ref, request.configuration.local_scope),
                                   target.digest,
                                   target.size,
                                   request.skip_signature};
  AdmittedImage image =
      MOSB_TRY(admit_image(*source, admission, store, request.trust).context(what));
  return AdmittedTarget{only(manifest, target), std::move(image), std::move(source)};
}

Result<AdmittedTarget> readmit_service(const AppliedService& service,
                                       oci::Store& store,
                                       const DesiredRequest& request) {
  AdmittedImage image = MOSB_TRY(
      readmit_image(
          service.image, store, request.trust, recheck_of(service, request.configuration.recheck))
          .context("service " + quote(service.target().service_name)));
  return AdmittedTarget{service.manifest, std::move(image), nullptr};
}

std::set<std::string> uid_groups(const std::vector<AdmittedTarget>& targets) {
  std::set<std::string> groups;
  for (const AdmittedTarget& target : targets) {
    const std::string group = uid_group(target.target());
    if (!group.empty()) {
      groups.insert(group);
    }
  }
  return groups;
}

Result<DesiredService> desire(AdmittedTarget target,
                              const Reservations& reserved,
                              const oci::Store& store,
                              const DesiredRequest& request) {
  const ComposeContext context{
      request.paths, request.instance, reserved, request.configuration, store};
  ServiceSpec spec = MOSB_TRY(compose(target.manifest, target.target(), target.image, context));
  oci::Manifest manifest = *target.image.manifest;
  return DesiredService{{std::move(target.manifest), std::move(target.image.image), false},
                        std::move(manifest),
                        std::move(spec),
                        std::move(target.source)};
}

std::vector<std::string> warnings_for(const std::vector<DesiredService>& desired) {
  std::vector<std::string> warnings;
  for (const DesiredService& service : desired) {
    if (service.applied.image.outcome != "verified") {
      warnings.push_back("service " + quote(service.name()) +
                         " runs without a verified signature (" + service.applied.image.policy +
                         ")");
    }
    for (const manifest::Volume& volume : service.applied.manifest.storage) {
      if (volume.size && uses(service.spec, volume.label)) {
        warnings.push_back("volume " + quote(volume.label) + " of service " +
                           quote(service.name()) + ": its size is not enforced by this mosb");
      }
    }
    if (service.spec.type == manifest::ServiceType::kHostfs) {
      warnings.push_back("service " + quote(service.name()) +
                         " is a hostfs: pulled and verified; only a boot uses it");
    }
  }
  return warnings;
}

}  // namespace mosb::agent
