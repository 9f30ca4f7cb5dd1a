#pragma once

#include <optional>
#include <utility>

#include "mosb/base/result.h"

namespace mosb {

/// The one move-only handle for a kernel object. Traits has
///   using Resource = …;                       // what identifies the object; movable
///   static Status close(const Resource&);     // releases it; "already gone" is success
/// The state is the resource itself, so no flag can disagree with it.
template <class Traits>
class Owned {
 public:
  using Resource = typename Traits::Resource;

  explicit Owned(Resource resource) : resource_(std::move(resource)) {}
  Owned(Owned&& other) noexcept : resource_(std::exchange(other.resource_, std::nullopt)) {}
  Owned& operator=(Owned&& other) noexcept {
    Owned taken(std::move(other));
    std::swap(resource_, taken.resource_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { (void)close(); }

  const Resource& get() const { return *resource_; }

  /// Releases the object and reports how that went. A second call does nothing.
  Status close() {
    if (!resource_) {
      return ok();
    }
    const Resource resource = *std::exchange(resource_, std::nullopt);
    return Traits::close(resource);
  }
  /// Ends ownership; the object stays.
  Resource release() { return *std::exchange(resource_, std::nullopt); }

 private:
  std::optional<Resource> resource_;
};

}  // namespace mosb
