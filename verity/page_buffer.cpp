#include "verity/page_buffer.h"

#include <cerrno>

#include <sys/mman.h>

namespace mosb::verity {

Status PageBufferTraits::close(const Resource& pages) {
  if (::munmap(pages.data(), pages.size()) < 0) {
    return Error::sys("unmap memory", errno);
  }
  return ok();
}

Result<PageBuffer> PageBuffer::make(std::size_t size) {
  void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) {
    return Error::sys("map memory", errno);
  }
  return PageBuffer(std::span(static_cast<std::byte*>(pages), size));
}

}  // namespace mosb::verity
