#include "verity/filesystem_view.h"

#include "mosb/base/text.h"

namespace mosb::verity {

Status check_entry_name(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxEntryName && name != "." && name != ".." &&
      name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos) {
    return ok();
  }
  constexpr std::size_t kShown = 64;
  return Error(Errc::kVerity, "the name " + quote(name.substr(0, kShown)) + " is none");
}

}  // namespace mosb::verity
