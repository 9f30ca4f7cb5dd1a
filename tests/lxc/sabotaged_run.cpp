/// mosb-run with one kind of protection taken out of the configuration, as a liblxc or a bug would
/// lose it: tests show that the container is then killed before its program runs. What is taken out
/// is named by the directory that it is called in.

#include <algorithm>
#include <string>

#include "lxc/helper_main.h"

namespace {

std::string directory_name(const std::string& path) {
  const std::size_t end = path.rfind('/');
  const std::size_t start = path.rfind('/', end - 1) + 1;
  return path.substr(start, end - start);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string dropped = argc > 0 ? directory_name(argv[0]) : "";
  return mosb::lxc::helper_main([&](std::vector<mosb::lxc::ConfigItem>& items) {
    items.erase(std::remove_if(items.begin(),
                               items.end(),
                               [&](const auto& item) {
                                 return item.key.compare(0, dropped.size(), dropped) == 0;
                               }),
                items.end());
    if (dropped == "lxc.net") {
      items.push_back({"lxc.net.0.type", "none"});  // nothing at all would be an empty network
    }
  });
}
