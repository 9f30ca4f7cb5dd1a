#include <algorithm>

#include "fuzz.h"
#include "mosb/base/cgroup.h"
#include "verity/mount_table.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const auto table = verity::MountTable::parse(text);
  if (table) {
    for (const verity::MountEntry& entry : table->entries()) {
      const verity::MountEntry* const top = table->top_at(entry.mount_point);
      const auto at_its_point =
          std::ranges::count(table->entries(), entry.mount_point, &verity::MountEntry::mount_point);
      fuzz::require(at_its_point == 1 ? top == &entry
                                      : top == nullptr || top->mount_point == entry.mount_point);
    }
  }
  (void)parse_cgroup_mounts(text);
  (void)parse_cgroup_membership(text);
  return 0;
}
