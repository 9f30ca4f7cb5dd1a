#pragma once

#include <string>

namespace mosb::manifest {

/// One thing that is wrong with a manifest, with the place where the reader must look.
struct Problem {
  /// Both count from 1; a column counts characters, not bytes.
  unsigned line = 0;
  unsigned column = 0;
  /// Where in the document, e.g. "targets[1].network.type"; empty for the document as a whole.
  std::string field;
  std::string message;
  /// What was probably meant, or empty.
  std::string suggestion;

  bool operator==(const Problem&) const = default;
};

/// "12:5: targets[0].sorce: unknown field 'sorce'; did you mean 'source'?".
std::string to_string(const Problem& problem);

}  // namespace mosb::manifest
