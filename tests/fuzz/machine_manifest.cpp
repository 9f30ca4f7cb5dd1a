#include "fuzz.h"
#include "mosb/manifest/manifest.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const manifest::Checked checked = manifest::check(fuzz::text(data, size));
  fuzz::require(checked.manifest.has_value() == checked.problems.empty());
  for (const manifest::Problem& problem : checked.problems) {
    fuzz::require(problem.line > 0 && problem.column > 0 && !problem.message.empty());
    fuzz::require(to_string(problem).find_first_of("\n\x1b") == std::string::npos);
  }
  if (checked.manifest) {
    const std::string printed = print(*checked.manifest);
    const manifest::Checked again = manifest::check(printed);
    fuzz::require(again.manifest == checked.manifest);
    fuzz::require(print(*again.manifest) == printed);
  }
  return 0;
}
