#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"

namespace mosb::oci {

/// What an OCI document must be before its members are looked at.
struct DocumentRules {
  /// What the descriptor or the Content-Type named.
  std::string media_type;
  /// A document without `mediaType` is taken.
  bool media_type_optional = false;
  /// Members that only the other kind of document has; any of them is refused, so that no bytes
  /// can be read as two things.
  std::vector<std::string> foreign_members;
};

/// One JSON object of schemaVersion 2 that follows the rules. Errors: kContent.
Result<Json> parse_document(std::string_view bytes, ByteCount limit, const DocumentRules& rules);
/// The same for one with a long array: json::parse() tells what becomes of it.
Result<Json> parse_document(std::string_view bytes,
                            ByteCount limit,
                            const DocumentRules& rules,
                            const json::Elements& elements);

/// "type/subtype" without parameters. Spec: RFC 6838 §4.2. Errors: kContent.
Status check_media_type(std::string_view text);

/// The object without its members that are null, which Docker writes for "absent".
Json without_nulls(const Json& object);

/// Compact. Bytes that are not UTF-8 have no place in JSON and become U+FFFD.
std::string print_json(const Json& document);

}  // namespace mosb::oci
