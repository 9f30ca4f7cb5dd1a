#pragma once

#include <string>

#include "mosb/base/owned.h"

namespace mosb {

struct TempDirTraits {
  using Resource = std::string;
  static Status close(const std::string& path);
};

/// A directory of mode 0700 with a random name, removed with everything in it.
class TempDir : public Owned<TempDirTraits> {
 public:
  /// Below `parent`, which must exist; the name starts with `prefix`.
  static Result<TempDir> make(const std::string& parent, const std::string& prefix);
  const std::string& path() const { return get(); }

 private:
  using Owned::Owned;
};

}  // namespace mosb
