#include "mosb/oci/mirror_name.h"

#include "mosb/base/text.h"
#include "mosb/oci/name_grammar.h"

namespace mosb::oci {

Result<MirrorName> MirrorName::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  MirrorName name{std::string(text.substr(0, slash)), ""};
  if (slash != std::string_view::npos) {
    name.prefix = text.substr(slash + 1);
  }
  if (!is_host(name.host) || (slash != std::string_view::npos && !is_repository(name.prefix))) {
    return Error(Errc::kUsage, "no mirror as HOST[:PORT][/PREFIX]: " + quote(text));
  }
  return name;
}

}  // namespace mosb::oci
