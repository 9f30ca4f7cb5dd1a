#include "verity/mount_table.h"

#include <algorithm>
#include <limits>

#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::verity {

namespace {

/// Enough for the 100,000 mounts that a kernel allows by default.
constexpr ByteCount kMaxTable{256 * kMiB};

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

/// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Fields: id parent major:minor root mount-point options [tag…] - type source super-options.
Result<MountEntry> parse_line(std::string_view line) {
  constexpr std::size_t kFixed = 6;
  const std::vector<std::string> fields = split(line, ' ');
  const auto dash =
      fields.size() < kFixed ? fields.end() : std::find(fields.begin() + kFixed, fields.end(), "-");
  if (fields.end() - dash < 4) {
    return Error(Errc::kHost, "mountinfo line " + quote(line) + " has too few fields");
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  MountEntry entry;
  entry.id = MOSB_TRY(parse_uint(fields[0], 0, kMax).as(Errc::kHost));
  entry.parent = MOSB_TRY(parse_uint(fields[1], 0, kMax).as(Errc::kHost));
  entry.device = fields[2];
  entry.mount_point = unescape(fields[4]);
  entry.options = split(fields[5], ',');
  entry.type = unescape(dash[1]);
  entry.source = unescape(dash[2]);
  entry.super_options = split(dash[3], ',');
  return entry;
}

bool contains(const std::vector<std::string>& options, std::string_view name) {
  return std::find(options.begin(), options.end(), name) != options.end();
}

}  // namespace

bool MountEntry::has_option(std::string_view name) const {
  return contains(options, name);
}

bool MountEntry::has_super_option(std::string_view name) const {
  return contains(super_options, name);
}

Result<MountTable> MountTable::read() {
  return parse(MOSB_TRY(read_kernel_file("/proc/self/mountinfo", kMaxTable)));
}

Result<MountTable> MountTable::parse(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty()) {
      entries.push_back(MOSB_TRY(parse_line(line)));
    }
  }
  return MountTable(std::move(entries));
}

const MountEntry* MountTable::top_at(std::string_view mount_point) const {
  std::vector<const MountEntry*> stack;
  for (const MountEntry& entry : entries_) {
    if (entry.mount_point == mount_point) {
      stack.push_back(&entry);
    }
  }
  // Lines are not in the order of mounting; of two mounts at one path the lower is the parent. The
  // root of all mounts, where it shows, is its own.
  const auto top = std::find_if(stack.begin(), stack.end(), [&](const MountEntry* entry) {
    return std::none_of(stack.begin(), stack.end(), [&](const MountEntry* other) {
      return other != entry && other->parent == entry->id;
    });
  });
  return top == stack.end() ? nullptr : *top;
}

}  // namespace mosb::verity
