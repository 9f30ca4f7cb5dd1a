#include "mosb/cli/error_view.h"

#include <cstdio>

#include "mosb/base/text.h"

namespace mosb::cli {

Json to_json(const Error& error) {
  return {{"class", errc_name(error.code())},
          {"code", static_cast<int>(error.code())},
          {"message", escape(error.message())},
          {"hint", escape(error.hint())}};
}

int report(const Session& session, const Error& error) {
  const int status = static_cast<int>(error.code());
  if (session.format() == Output::kJson) {
    print_json({{"error", to_json(error)}});
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
      return status;
    }
    // Nobody can read it there.
  }
  (void)std::fprintf(
      stderr, "mosb: %s: %s\n", errc_name(error.code()), escape(error.message()).c_str());
  if (!error.hint().empty()) {
    (void)std::fprintf(stderr, "hint: %s\n", escape(error.hint()).c_str());
  }
  return status;
}

}  // namespace mosb::cli
