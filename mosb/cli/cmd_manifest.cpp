#include <cstdio>

#include "mosb/base/file.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/error_view.h"
#include "mosb/cli/session.h"
#include "mosb/manifest/manifest.h"

namespace mosb::cli {

namespace {

Json to_json(const manifest::Problem& problem) {
  return {{"line", problem.line},
          {"column", problem.column},
          {"field", problem.field},
          {"message", problem.message},
          {"suggestion", problem.suggestion}};
}

Error invalid(const std::string& file, const manifest::Checked& checked) {
  return Error(Errc::kManifest, file + ": " + std::to_string(checked.problems.size()) + " problems")
      .with_hint("docs/manifest.md describes the fields");
}

Result<int> check(Session& session, const std::string& file) {
  const std::string text =
      MOSB_TRY(read_named_file(file, manifest::kMaxManifestSize).as(Errc::kManifest));
  const manifest::Checked checked = manifest::check(text);
  if (session.format() == Output::kJson) {
    Json problems = Json::array();
    for (const manifest::Problem& problem : checked.problems) {
      problems.push_back(to_json(problem));
    }
    Json result{{"valid", checked.problems.empty()}, {"problems", problems}};
    if (!checked.problems.empty()) {
      result["error"] = cli::to_json(invalid(file, checked));
    }
    print_json(result);
    return checked.problems.empty() ? 0 : static_cast<int>(Errc::kManifest);
  }
  if (checked.problems.empty()) {
    print_line(session, file + ": valid");
    return 0;
  }
  for (const manifest::Problem& problem : checked.problems) {
    print_line(session, file + ":" + to_string(problem));
  }
  return invalid(file, checked);
}

}  // namespace

void add_manifest_commands(Command& app) {
  const auto file = std::make_shared<std::string>();
  Command command = app.subcommand("check", "Validate a manifest without touching anything")
                        .example("mosb check manifest.yaml");
  command.option("FILE", *file, "The manifest").required();
  command.runs([file](Session& s) { return check(s, *file); });
}

}  // namespace mosb::cli
