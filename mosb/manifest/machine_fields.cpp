#include "mosb/manifest/machine_fields.h"

namespace mosb::manifest {

namespace {

constexpr Field kMachineFields[] = {
    {"name"}, {"type"}, {"description"}, {"ephemeral"}, {"config"}, {"status"}};

constexpr Field kConfigFields[] = {
    {"name"},  {"cpus"},   {"memory"},      {"accel"},      {"serial"},   {"boot"},
    {"cdrom"}, {"uefi"},   {"uefi-code"},   {"uefi-vars"},  {"tpm"},      {"tpm-version"},
    {"gui"},   {"kernel"}, {"secure-boot"}, {"cloud-init"}, {"manifest"}, {"nics"},
    {"disks"}, {"vsock"},  {"initrd"},      {"cmdline"},
};

constexpr Field kCloudInitFields[] = {{"user-data"}, {"meta-data"}, {"network-config"}};

constexpr Field kDiskFields[] = {
    {"file"},
    {"format"},
    {"size"},
    {"attach"},
    {"type"},
    {"blocksize"},
    {"addr"},
    {"bootindex"},
    {"read-only"},
};

constexpr Field kNicFields[] = {
    {"id"},
    {"device"},
    {"network"},
    {"ports"},
    {"forward"},
    {"mac"},
    {"bootindex"},
    {"romfile"},
    {"addr"},
};

constexpr Field kPortFields[] = {{"protocol"}, {"host"}, {"guest"}};

constexpr Field kEndpointFields[] = {{"address"}, {"port"}};

}  // namespace

std::span<const Field> machine_fields() {
  return kMachineFields;
}

std::span<const Field> machine_config_fields() {
  return kConfigFields;
}

std::span<const Field> machine_cloud_init_fields() {
  return kCloudInitFields;
}

std::span<const Field> machine_disk_fields() {
  return kDiskFields;
}

std::span<const Field> machine_nic_fields() {
  return kNicFields;
}

std::span<const Field> machine_port_fields() {
  return kPortFields;
}

std::span<const Field> machine_endpoint_fields() {
  return kEndpointFields;
}

}  // namespace mosb::manifest
