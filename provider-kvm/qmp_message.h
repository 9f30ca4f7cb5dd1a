#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "mosb/base/byte_count.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"

namespace mosb::kvm {

/// One message of qemu is one line; nothing that mosb asks for is longer.
inline constexpr ByteCount kMaxQmpLine{1 * kMiB};

/// What qemu says first on each connection.
struct QmpGreeting {
  /// E.g. "7.2.22".
  std::string version;
};
struct QmpReturn {
  std::uint64_t id = 0;
  Json value;
};
/// A command was refused.
struct QmpFailure {
  std::uint64_t id = 0;
  std::string error_class;
  std::string description;
};
struct QmpEvent {  // NOLINT(bugprone-exception-escape): a move of Json throws nothing
  /// E.g. "SHUTDOWN".
  std::string name;
  Json data;
};
using QmpMessage = std::variant<QmpGreeting, QmpReturn, QmpFailure, QmpEvent>;

/// Errors: kContent for what is no message of qemu.
/// Spec: qemu, docs/interop/qmp-spec.txt.
Result<QmpMessage> parse_qmp(std::string_view line);

/// A command as a line with its end.
std::string print_qmp_command(const std::string& command, const Json& arguments, std::uint64_t id);

/// Cuts a stream of bytes into lines.
class LineBuffer {
 public:
  /// `limit` is for one line without its end.
  explicit LineBuffer(ByteCount limit) : limit_(limit) {}

  /// Errors: kContent once a line is longer than the limit; the stream is of no use then.
  Status add(std::string_view bytes);
  /// The next line, without "\n" or "\r\n"; nullopt until one is complete.
  std::optional<std::string> next();

 private:
  ByteCount limit_;
  std::string bytes_;
  /// Where the first line that was not given out begins.
  std::size_t begin_ = 0;
};

}  // namespace mosb::kvm
