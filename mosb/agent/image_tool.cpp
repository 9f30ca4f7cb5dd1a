#include "mosb/agent/image_tool.h"

#include <algorithm>
#include <utility>

#include "mosb/base/program.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr std::chrono::hours kTimeout{6};

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
    std::string reason = last_line(completed->err);
    std::ranges::replace(reason, '\t', ' ');
    return Error(Errc::kContent, tool.argv.front() + ": " + escape(reason));
  }
  return ok();
}

}  // namespace mosb::agent
