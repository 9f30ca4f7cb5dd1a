#pragma once

#include <span>

#include "mosb/manifest/fields.h"

namespace mosb::manifest {

/// The fields of each kind of mapping in machine.yaml.
std::span<const Field> machine_fields();
std::span<const Field> machine_config_fields();
std::span<const Field> machine_cloud_init_fields();
std::span<const Field> machine_disk_fields();
std::span<const Field> machine_nic_fields();
std::span<const Field> machine_port_fields();
std::span<const Field> machine_endpoint_fields();

}  // namespace mosb::manifest
