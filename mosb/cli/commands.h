#pragma once

#include "mosb/cli/command_line.h"

namespace mosb::cli {

// One function per command file: declares its commands with their flags, and what each runs.
void add_image_commands(Command& app);
void add_keyset_commands(Command& app);
void add_sign_commands(Command& app);
void add_verify_commands(Command& app);
void add_trust_commands(Command& app);
void add_mount_commands(Command& app);
void add_manifest_commands(Command& app);
void add_apply_commands(Command& app);
void add_service_commands(Command& app);
void add_machine_commands(Command& app);
void add_doctor_commands(Command& app);

}  // namespace mosb::cli
