#include "fuzz.h"
#include "mosb/manifest/document.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

namespace {

bool same(const manifest::Node& a, const manifest::Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() ||
      a.members.size() != b.members.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i])) {
      return false;
    }
  }
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    if (a.members[i].name != b.members[i].name || !same(a.members[i].value, b.members[i].value)) {
      return false;
    }
  }
  return true;
}

}  // namespace

/// JSON that the YAML reader takes too means the same to both.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const manifest::Document document = manifest::read_document(fuzz::text(data, size));
  if (document.problems.empty() && document.root.kind == manifest::Node::Kind::kMapping) {
    const manifest::SourceText source(fuzz::text(data, size));
    const manifest::Document yaml = manifest::read_yaml(source);
    fuzz::require(!yaml.problems.empty() || same(yaml.root, document.root));
  }
  return 0;
}
