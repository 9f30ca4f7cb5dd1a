#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace mosb::manifest {

/// A place in the text: line and column from 1, the column in characters.
struct Mark {
  unsigned line = 1;
  unsigned column = 1;
};

/// A document as it was written, before any meaning is given to it.
struct Node {
  enum class Kind { kNull, kPlain, kQuoted, kSequence, kMapping };

  struct Member;

  Kind kind = Kind::kNull;
  Mark mark;
  /// Of a scalar. A plain one may stand for a number or a boolean, a quoted one is a string.
  std::string text;
  std::vector<Node> items;
  std::vector<Member> members;

  bool is_scalar() const { return kind == Kind::kPlain || kind == Kind::kQuoted; }
};

struct Node::Member {
  std::string name;
  Mark mark;
  Node value;
};

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxNodes = 10'000;

}  // namespace mosb::manifest
