#pragma once

#include <string_view>
#include <vector>

#include "mosb/manifest/node.h"
#include "mosb/manifest/problem.h"
#include "mosb/manifest/source_text.h"

namespace mosb::manifest {

/// A document is good if there are no problems.
struct Document {
  Node root;
  std::vector<Problem> problems;
};

/// Reads one document, YAML or JSON. No foreign exception leaves it.
Document read_document(std::string_view text);

/// The two readers behind it. The text must be readable (SourceText::unreadable()).
Document read_yaml(const SourceText& source);
/// The text must be one JSON value.
Document read_json(const SourceText& source);

}  // namespace mosb::manifest
