/// mosb-run with one kind of protection taken out of the configuration, as a liblxc or a bug would
/// lose it: tests show that the container is then killed before its program runs.

#include <algorithm>

#include "lxc/helper_main.h"

int main() {
  return mosb::lxc::helper_main([](std::vector<mosb::lxc::ConfigItem>& items) {
    items.erase(std::remove_if(items.begin(),
                               items.end(),
                               [](const auto& item) {
                                 return item.key.compare(
                                            0, sizeof(MOSB_DROPPED_KEY) - 1, MOSB_DROPPED_KEY) == 0;
                               }),
                items.end());
  });
}
