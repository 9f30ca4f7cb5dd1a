#pragma once

#include <cstddef>
#include <span>

#include "mosb/base/owned.h"
#include "mosb/base/result.h"

namespace mosb::verity {

struct PageBufferTraits {
  using Resource = std::span<std::byte>;
  static Status close(const Resource& pages);
};

/// Memory of its own pages, zeroed; takes up room only where it was written.
class PageBuffer : public Owned<PageBufferTraits> {
 public:
  /// Errors: kResource.
  static Result<PageBuffer> make(std::size_t size);
  std::span<std::byte> bytes() const { return get(); }

 private:
  using Owned::Owned;
};

}  // namespace mosb::verity
