#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "mosb/manifest/node.h"
#include "mosb/manifest/problem.h"

namespace mosb::manifest {

/// The bytes of a manifest and where its lines begin.
class SourceText {
 public:
  /// `text` must outlive the object.
  explicit SourceText(std::string_view text);

  std::string_view bytes() const { return text_; }
  /// The place of a byte; an offset beyond the end is the end.
  Mark mark_at(std::size_t offset) const;
  Problem problem_at(std::size_t offset, std::string message) const;

  /// What makes the bytes unfit to be read at all: too many, not UTF-8, a byte order mark, control
  /// characters, line ends other than LF and CRLF.
  std::optional<Problem> unreadable() const;

 private:
  /// Bytes before `offset` that go on with a character.
  std::size_t continuing_before(std::size_t offset) const;

  std::string_view text_;
  /// continuing_before() of every kBlock-th offset: a text may be one long line with a million
  /// marks.
  std::vector<std::size_t> continuing_;
  std::vector<std::size_t> lines_;
};

}  // namespace mosb::manifest
