#include "mosb/manifest/document.h"

#include <nlohmann/json.hpp>

namespace mosb::manifest {

namespace {

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' && nlohmann::json::accept(text);
}

}  // namespace

Document read_document(std::string_view text) {
  const SourceText source(text);
  if (auto problem = source.unreadable()) {
    return Document{{}, {*std::move(problem)}};
  }
  // Most JSON is YAML too, but not all of it means the same there: surrogate pairs, for one.
  return is_json(text) ? read_json(source) : read_yaml(source);
}

}  // namespace mosb::manifest
