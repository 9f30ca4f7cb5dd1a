#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb {

using Json = nlohmann::json;

/// Strict access to JSON from outside. Every error is kContent and names the member.
namespace json {

/// One JSON text: valid UTF-8, no duplicate names, at most 32 levels, at most `limit` bytes,
/// nothing but white space around it.
Result<Json> parse(std::string_view text, ByteCount limit);

/// An array in the object that a text is, whose elements are taken one by one as they are read.
struct Elements {
  std::string array;
  std::function<Status(const Json& element)> take;
};
/// The same without ever having the whole: what is returned has no elements in that array. Errors:
/// also those of `take`, with the element's place as context.
Result<Json> parse(std::string_view text, ByteCount limit, const Elements& elements);

/// The member as the type asked for; `require_` if it must be there.
Result<std::string> require_string(const Json& object, const std::string& name);
Result<std::optional<std::string>> optional_string(const Json& object, const std::string& name);
Result<std::uint64_t> require_uint(const Json& object, const std::string& name);
Result<std::optional<std::uint64_t>> optional_uint(const Json& object, const std::string& name);
Result<std::optional<bool>> optional_bool(const Json& object, const std::string& name);
/// nullptr if absent; the pointer lives as long as `object`.
Result<const Json*> optional_object(const Json& object, const std::string& name);
Result<const Json*> optional_array(const Json& object, const std::string& name);
Result<const Json*> require_object(const Json& object, const std::string& name);
Result<const Json*> require_array(const Json& object, const std::string& name);
Result<std::map<std::string, std::string>> optional_string_map(const Json& object,
                                                               const std::string& name);
Result<std::vector<std::string>> optional_string_list(const Json& object, const std::string& name);

}  // namespace json
}  // namespace mosb
