#include "lxc/launch_error.h"

#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

const char* stage_name(std::int32_t stage) {
  switch (static_cast<InitStage>(stage)) {
    case InitStage::kSpec:
      return "read what to run";
    case InitStage::kFork:
      return "start a process";
    case InitStage::kTerminal:
      return "set up the terminal";
    case InitStage::kGroups:
      return "set the supplementary groups";
    case InitStage::kGid:
      return "set the group";
    case InitStage::kUid:
      return "set the user";
    case InitStage::kDirectory:
      return "enter the working directory";
    case InitStage::kExec:
      return "run";
    case InitStage::kBusy:
      return "take one more command";
  }
  return "start";
}

}  // namespace

Error launch_error(const InitMessage& failed, const std::string& program, const std::string& cwd) {
  std::string what = stage_name(failed.value);
  if (failed.value == static_cast<std::int32_t>(InitStage::kExec)) {
    what += " " + quote(program);
  } else if (failed.value == static_cast<std::int32_t>(InitStage::kDirectory)) {
    what += " " + quote(cwd);
  }
  return Error::sys(what, failed.detail).as(Errc::kRuntime);
}

}  // namespace mosb::lxc
