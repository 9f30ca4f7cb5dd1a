#include "mosb/base/boot_id.h"

#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"

namespace mosb {

Result<std::string> current_boot_id() {
  constexpr ByteCount kMost{64};
  const std::string text =
      MOSB_TRY(read_kernel_file("/proc/sys/kernel/random/boot_id", kMost).as(Errc::kHost));
  return text.substr(0, text.find('\n'));
}

}  // namespace mosb
