#include "lxc/trim_memory.h"

#include <cstdint>

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace mosb::lxc {

namespace {

int drop_text(dl_phdr_info* object, std::size_t /*size*/, void* /*unused*/) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    // Only text: it is never written to, so nothing can be lost.
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 &&
        (segment.p_flags & PF_W) == 0) {
      const std::uintptr_t start = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
      const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
      (void)::madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
    }
  }
  return 0;
}

}  // namespace

void trim_memory() {
  (void)::malloc_trim(0);
  (void)::dl_iterate_phdr(drop_text, nullptr);
}

}  // namespace mosb::lxc
