#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/oci/index.h"

namespace mosb::oci {

// A layout's index.json. Unlike other indexes it is named by no descriptor, need not say its media
// type, and may list as much as kMaxLayoutIndexSize holds.

/// As it lies there, with members that mosb does not know; what look_at_layout_index() would refuse
/// is refused. For who changes it, under the layout's lock. Errors: kContent, kNotFound.
Result<Json> read_layout_index(const std::string& dir);
/// For looking only. What was read is kept, as a command asks for it several times, and read again
/// once the file is another one. Errors: as above.
Result<std::shared_ptr<const Index>> look_at_layout_index(const std::string& dir);
/// Replaces index.json. The caller holds the layout's lock.
Status write_layout_index(const std::string& dir, const Json& document);
/// The index.json of an empty layout.
Json empty_layout_index();

/// Calls `visit` for each descriptor that index.json lists and, after each index, for what that
/// lists, down to kMaxIndexDepth; none twice. `read` gives a manifest's bytes; an index that it
/// can't give is passed over, for a layout need not hold everything that its indexes list. Ends
/// early if `visit` returns false. Errors: kContent if the layout lists too much, and what `visit`
/// returned.
Status walk_layout(const Index& index,
                   const std::function<Result<std::string>(const Descriptor&)>& read,
                   const std::function<Result<bool>(const Descriptor&)>& visit);

}  // namespace mosb::oci
