#pragma once

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/manifest/manifest.h"

/// Manifests that the tests start from, and how they look at problems.
namespace mosb::manifest::test {

/// A target of version 2 with the given lines added, each already indented by four spaces.
inline std::string version2(const std::string& lines) {
  return "version: 2\n"
         "product: p\n"
         "update_type: complete\n"
         "storage:\n"
         "  - label: data\n"
         "  - label: more\n"
         "targets:\n"
         "  - service_name: web\n"
         "    source: docker://registry.example/web:1\n"
         "    version: 1.0.0\n" +
         lines;
}

/// "LINE:COLUMN: field: message…" of every problem.
inline std::vector<std::string> problems_of(const std::string& text) {
  std::vector<std::string> out;
  for (const Problem& problem : check(text).problems) {
    out.push_back(to_string(problem));
  }
  return out;
}

inline std::string first_problem(const std::string& text) {
  const std::vector<std::string> problems = problems_of(text);
  return problems.empty() ? "no problem" : problems.front();
}

/// The manifest that the text is; a text that is none ends the test with its problems.
inline Manifest good(const std::string& text) {
  CAPTURE(text);
  Checked checked = check(text);
  for (const Problem& problem : checked.problems) {
    UNSCOPED_INFO(to_string(problem));
  }
  REQUIRE(checked.manifest);
  return *std::move(checked.manifest);
}

}  // namespace mosb::manifest::test
