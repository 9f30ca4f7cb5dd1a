#include "mosb/manifest/fields.h"

namespace mosb::manifest {

namespace {

constexpr auto k1 = Field::Since::kVersion1;
constexpr auto k2 = Field::Since::kVersion2;
constexpr auto kLater = Field::Since::kNotBuilt;

constexpr Field kManifestFields[] = {
    {"version", k1},         {"product", k1},
    {"update_type", k1},     {"storage", k1},
    {"targets", k1},         {"release", kLater},
    {"expires", kLater},     {"allow_rollback_to", kLater},
    {"strict", kLater},      {"policy", kLater},
    {"trust", kLater},       {"registries", kLater},
    {"parameters", kLater},  {"secrets", kLater},
    {"seal", kLater},        {"files", kLater},
    {"networks", kLater},    {"defaults", kLater},
    {"attestation", kLater},
};

constexpr Field kVolumeFields[] = {
    {"label", k1},
    {"persistent", k1},
    {"nsgroup", k1},
    {"size", k1},
    {"backend", kLater},
    {"exclusive", kLater},
    {"encrypted", kLater},
    {"snapshot", kLater},
    {"on_rollback", kLater},
    {"type", kLater},
    {"source", kLater},
    {"readonly", kLater},
};

constexpr Field kTargetFields[] = {
    {"service_name", k1},
    {"source", k1},
    {"version", k1},
    {"service_type", k1},
    {"nsgroup", k1},
    {"network", k1},
    {"storage", k1},
    {"digest", k1},
    {"size", k1},
    {"entrypoint", k2},
    {"args", k2},
    {"environment", k2},
    {"user", k2},
    {"working_dir", k2},
    {"hostname", k2},
    {"stop", k2},
    {"rootfs", k2},
    {"resources", k2},
    {"annotations", kLater},
    {"attest", kLater},
    {"depends_on", kLater},
    {"devices", kLater},
    {"env_file", kLater},
    {"environment_inherit", kLater},
    {"fetch", kLater},
    {"files", kLater},
    {"healthcheck", kLater},
    {"init", kLater},
    {"inject", kLater},
    {"io", kLater},
    {"labels", kLater},
    {"logging", kLater},
    {"metadata", kLater},
    {"mounts", kLater},
    {"notify", kLater},
    {"pod", kLater},
    {"pull_policy", kLater},
    {"ready", kLater},
    {"require", kLater},
    {"restart", kLater},
    {"secrets", kLater},
    {"security", kLater},
    {"signature", kLater},
    {"sockets", kLater},
    {"supplementary_gids", kLater},
    {"tmpfs", kLater},
    {"tolerate", kLater},
    {"tty", kLater},
    {"update", kLater},
    {"vm", kLater},
};

constexpr Field kNetworkFields[] = {
    {"type", k1},
    {"ipv4", k1},
    {"ipv6", k1},
    {"ports", k1},
    {"dns", k2},
    {"isolate", k2},
    {"networks", kLater},
    {"hosts", kLater},
    {"policy", kLater},
    {"default_route", kLater},
    {"ip_placeholder", kLater},
};

constexpr Field kPortFields[] = {
    {"host", k1},
    {"container", k1},
    {"name", k2},
    {"protocol", k2},
    {"host_ip", k2},
    {"wait", k2},
    {"app_protocol", kLater},
};

constexpr Field kDnsFields[] = {
    {"servers", k2},
    {"search", k2},
    {"options", k2},
    {"domain", kLater},
};

constexpr Field kMountFields[] = {{"dest", k1}, {"label", k1}, {"readonly", k2}};

constexpr Field kRootfsFields[] = {{"readonly", k2}, {"writable", kLater}, {"size", kLater}};

constexpr Field kResourcesFields[] = {
    {"memory", k2},
    {"cpu", k2},
    {"pids", k2},
    {"cpu_reservation", kLater},
    {"cpu_weight", kLater},
    {"memory_reservation", kLater},
    {"swap", kLater},
    {"shm_size", kLater},
    {"oom_score_adj", kLater},
    {"ulimits", kLater},
    {"sysctls", kLater},
    {"io", kLater},
};

constexpr Field kStopFields[] = {{"signal", k2}, {"grace_period", k2}};

}  // namespace

std::span<const Field> manifest_fields() {
  return kManifestFields;
}

std::span<const Field> volume_fields() {
  return kVolumeFields;
}

std::span<const Field> target_fields() {
  return kTargetFields;
}

std::span<const Field> network_fields() {
  return kNetworkFields;
}

std::span<const Field> port_fields() {
  return kPortFields;
}

std::span<const Field> dns_fields() {
  return kDnsFields;
}

std::span<const Field> mount_fields() {
  return kMountFields;
}

std::span<const Field> rootfs_fields() {
  return kRootfsFields;
}

std::span<const Field> resources_fields() {
  return kResourcesFields;
}

std::span<const Field> stop_fields() {
  return kStopFields;
}

}  // namespace mosb::manifest
