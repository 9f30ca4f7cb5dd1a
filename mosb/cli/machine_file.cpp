#include "mosb/cli/machine_file.h"

#include <cstdio>
#include <vector>

#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/manifest/manifest.h"

namespace mosb::cli {

namespace {

Error invalid(const Session& session,
              const std::vector<manifest::Problem>& problems,
              const std::string& file) {
  if (problems.size() == 1) {
    return machine_error(problems, file);
  }
  std::vector<std::string> lines;
  for (const manifest::Problem& problem : problems) {
    lines.push_back(file + ":" + to_string(problem));
  }
  std::string message = file + ": " + std::to_string(problems.size()) + " problems";
  if (session.format() == Output::kJson) {
    message += ": " + join(lines, "; ");
  } else {
    for (const std::string& line : lines) {
      (void)std::fprintf(stderr, "%s\n", escape(line).c_str());
    }
  }
  return Error(Errc::kManifest, std::move(message))
      .with_hint("docs/machine.md describes the fields");
}

}  // namespace

Result<manifest::Machine> check_machine_text(const Session& session,
                                             const std::string& text,
                                             const std::string& file) {
  manifest::CheckedMachine checked = manifest::check_machine(text);
  if (!checked.machine) {
    return invalid(session, checked.problems, file);
  }
  for (const manifest::Problem& warning : checked.warnings) {
    log::warn(file + ":" + to_string(warning));
  }
  return *std::move(checked.machine);
}

Result<manifest::Machine> read_machine_file(const Session& session, const std::string& file) {
  const std::string text =
      MOSB_TRY(read_named_file(file, manifest::kMaxManifestSize).as(Errc::kManifest));
  return check_machine_text(session, text, file);
}

}  // namespace mosb::cli
