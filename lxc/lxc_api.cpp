#include "lxc/lxc_api.h"

#include <memory>

#include <lxc/lxccontainer.h>

#include "mosb/base/text.h"

namespace mosb::lxc {

Status run_in_foreground(const LxcRun& run) {
  const std::unique_ptr<lxc_container, int (*)(lxc_container*)> container(
      ::lxc_container_new(run.name.c_str(), run.lxc_path.c_str()), ::lxc_container_put);
  if (!container) {
    return Error(Errc::kRuntime, "liblxc made no container " + quote(run.name));
  }
  lxc_container* c = container.get();
  // From nothing: a default configuration may have been read.
  c->clear_config(c);
  for (const ConfigItem& item : run.items) {
    if (!c->set_config_item(c, item.key.c_str(), item.value.c_str())) {
      return Error(Errc::kRuntime, "liblxc refuses " + item.key + " = " + quote(item.value));
    }
  }
  std::vector<char*> argv;
  for (const std::string& arg : run.argv) {
    argv.push_back(const_cast<char*>(arg.c_str()));  // liblxc does not write to them
  }
  argv.push_back(nullptr);
  if (!c->want_daemonize(c, false) || !c->start(c, 0, argv.data())) {
    return Error(Errc::kRuntime, "liblxc did not start the container");
  }
  return ok();
}

}  // namespace mosb::lxc
