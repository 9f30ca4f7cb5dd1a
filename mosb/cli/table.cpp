#include "mosb/cli/table.h"

#include <algorithm>
#include <cstddef>

#include "mosb/base/text.h"

namespace mosb::cli {

namespace {

/// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

}  // namespace

std::string render_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> all{header};
  all.insert(all.end(), rows.begin(), rows.end());
  std::vector<std::size_t> widths(header.size());
  for (std::vector<std::string>& row : all) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = row[i].empty() ? "-" : escape(row[i]);
      widths[i] = std::max(widths[i], width(row[i]));
    }
  }
  std::string out;
  for (const std::vector<std::string>& row : all) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) {
        out.append(widths[i] - width(row[i]) + 2, ' ');
      }
    }
    out += '\n';
  }
  return out;
}

}  // namespace mosb::cli
