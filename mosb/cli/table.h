#pragma once

#include <string>
#include <vector>

namespace mosb::cli {

/// Rows of text in columns as wide as their widest cell; control characters escaped.
std::string render_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows);

}  // namespace mosb::cli
