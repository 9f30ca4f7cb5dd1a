#pragma once

#include <string_view>

namespace mosb::trust {

/// Whether the text is a registry scope other than "*": HOST[:PORT]/REPOSITORY without scheme, tag
/// or digest, or a local scope such as "local/name".
bool is_registry_scope(std::string_view text);

}  // namespace mosb::trust
