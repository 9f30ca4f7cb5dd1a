/// mosb-run: the helper of one service. It starts the container through liblxc and stays until the
/// container ends, independent of the mosb that started it.

#include "lxc/helper_main.h"

int main() {
  return mosb::lxc::helper_main([](std::vector<mosb::lxc::ConfigItem>&) {});
}
