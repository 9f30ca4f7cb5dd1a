#include "mosb/agent/image_mount.h"

#include <filesystem>

#include "mosb/agent/layer_damage.h"
#include "mosb/agent/layer_mend.h"
#include "mosb/agent/layer_sources.h"
#include "mosb/agent/open_store.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/suspects.h"
#include "mosb/agent/uid_ranges.h"
#include "mosb/base/file.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr mode_t kTargetMode = 0755;

Result<verity::ImageMount> image_mount(const MountRequest& request,
                                       const AdmittedImage& image,
                                       const oci::Store& store) {
  verity::ImageMount mount;
  mount.layers =
      MOSB_TRY(layer_sources(image.manifest, store).context("image " + quote(image.image.ref)));
  mount.target = request.target;
  mount.write = request.write;
  mount.upper_dir = request.upper_dir;
  mount.label = image.image.ref;
  if (request.idmap_base) {
    mount.idmap = verity::IdRange{*request.idmap_base, kRangeSize};
  }
  return mount;
}

/// Brings the layers that the store has not, and anew those that lie damaged in it. Out of the
/// store itself there is nothing to be had.
Status fetch_layers(const Paths& paths,
                    oci::Repository& from,
                    const oci::Reference& ref,
                    const AdmittedImage& image,
                    const verity::ImageMount& mount,
                    oci::Store& store,
                    const oci::Progress& progress) {
  oci::PullPlan pull = oci::plan_pull(*image.manifest, store);
  if (ref.kind != oci::Reference::Kind::kStore) {
    const auto damaged = damaged_layers(paths, *image.manifest, mount.layers, {}, store);
    for (const oci::Descriptor& layer : MOSB_TRY(mend_layers(paths, from, damaged, mount.layers))) {
      pull.missing.push_back(layer);
      pull.bytes.value += layer.size;
    }
  }
  MOSB_CHECK(oci::pull_layers(from, pull, store, progress)
                 .context("fetch image " + quote(image.image.ref)));
  for (const oci::Descriptor& layer : pull.missing) {
    MOSB_CHECK(clear_suspect(paths, layer.digest));
  }
  return ok();
}

/// What was mounted before stays with the verifier that it has.
Status check_verifier(const MountRequest& request, const verity::MountEnvironment& environment) {
  if (!request.is_verifier_given || request.verifier == verity::Verifier::kAuto) {
    return ok();
  }
  const std::string wanted =
      request.verifier == verity::Verifier::kDm ? "dm-verity" : "fuse-verity";
  for (const verity::MountState& mount : MOSB_TRY(verity::list_mounts(environment))) {
    std::error_code failed;
    if (mount.target == std::filesystem::weakly_canonical(request.target, failed) &&
        mount.verified_by != wanted) {
      return Error(Errc::kBusy, quote(request.target) + " is verified by " + mount.verified_by)
          .with_hint("unmount it first: mosb umount " + request.target);
    }
  }
  return ok();
}

}  // namespace

Result<std::vector<ScannedLayer>> mount_reference(const Instance& instance,
                                                  oci::Repository& from,
                                                  const MountRequest& request,
                                                  const TrustContext& trust,
                                                  const oci::Progress& progress) {
  oci::Store store = MOSB_TRY(open_store(instance));
  AdmissionRequest admission;
  admission.ref = request.ref;
  admission.scope = request.scope;
  admission.skip_signature = request.skip_signature;
  const AdmittedImage image = MOSB_TRY(admit_image(from, admission, store, trust));
  const verity::ImageMount mount = MOSB_TRY(image_mount(request, image, store));
  MOSB_CHECK(fetch_layers(instance.paths(), from, request.ref, image, mount, store, progress));
  LayerScans scans(instance.paths(), request.policy);
  for (const verity::LayerSource& layer : mount.layers) {
    MOSB_CHECK(check_suspect(instance.paths(), layer));
  }
  MOSB_CHECK(scans.admit(mount.layers).context("image " + quote(image.image.ref)));
  const bool is_new = !path_exists(request.target);
  MOSB_CHECK(sys::mkdir(request.target, kTargetMode));
  ScopeExit remove_target([&] {
    if (is_new) {
      (void)sys::rmdir(request.target);
    }
  });
  const verity::MountEnvironment environment = MOSB_TRY(
      mount_environment(instance.paths(), instance.id(), request.verifier, request.policy));
  MOSB_CHECK(verity::mount_image(mount, environment));
  remove_target.dismiss();
  MOSB_CHECK(check_verifier(request, environment));
  return scans.fresh();
}

Status unmount_target(const Instance& instance, const std::string& target) {
  const verity::MountEnvironment environment =
      MOSB_TRY(mount_environment(instance.paths(), instance.id()));
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::weakly_canonical(target, failed);
  for (const verity::MountState& mount : MOSB_TRY(verity::list_mounts(environment))) {
    if (mount.target == path) {
      MOSB_CHECK(mark_suspects(instance.paths(), mount));
    }
  }
  return verity::unmount_image(target, environment);
}

Result<verity::MountEnvironment> mount_environment(const Paths& paths,
                                                   const std::string& instance,
                                                   verity::Verifier verifier,
                                                   const LayerPolicy& policy) {
  return ServiceRuntime(paths, instance, verifier, policy).mount_environment();
}

}  // namespace mosb::agent
