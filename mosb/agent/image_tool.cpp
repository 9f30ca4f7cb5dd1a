#include "mosb/agent/image_tool.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "mosb/base/program.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr std::chrono::hours kTimeout{6};

/// What the C library calls a file system without room, in the C locale. The tools' exit status
/// says no more than that something failed.
constexpr std::array<std::string_view, 2> kOutOfSpace{"No space left on device",
                                                      "Disk quota exceeded"};

/// The line with which a tool says that it has no room; "" if it does not.
std::string find_out_of_space(const std::string& said) {
  for (const std::string& line : split(said, '\n')) {
    if (std::ranges::any_of(kOutOfSpace,
                            [&](std::string_view end) { return line.ends_with(end); })) {
      return line;
    }
  }
  return "";
}

}  // namespace

Status run_image_tool(const ImageTool& tool, ProcessRunner& processes) {
  const Command command{tool.argv, {"LC_ALL=C"}, "", tool.input_fd, kTimeout};
  Result<Completed> completed = processes.run(command);
  if (!completed) {
    Error error = std::move(completed).error();
    if (error.code() == Errc::kNotFound) {
      return std::move(error).as(Errc::kHost).with_hint("install the package " + tool.package);
    }
    return error;
  }
  if (completed->status != 0) {
    const std::string no_room = find_out_of_space(completed->err);
    std::string reason = no_room.empty() ? last_line(completed->err) : no_room;
    std::ranges::replace(reason, '\t', ' ');
    return Error(no_room.empty() ? Errc::kContent : Errc::kResource,
                 tool.argv.front() + ": " + escape(reason));
  }
  return ok();
}

}  // namespace mosb::agent
