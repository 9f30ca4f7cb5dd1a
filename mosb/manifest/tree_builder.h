#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mosb/manifest/node.h"
#include "mosb/manifest/problem.h"
#include "mosb/manifest/source_text.h"

namespace mosb::manifest {

/// Builds a Node from the events of a parser and keeps the limits. Each event is given with its
/// offset in the text. After false the parser must stop: see problems().
class TreeBuilder {
 public:
  explicit TreeBuilder(const SourceText& source) : source_(source) {}
  TreeBuilder(const TreeBuilder&) = delete;
  TreeBuilder& operator=(const TreeBuilder&) = delete;
  TreeBuilder(TreeBuilder&&) = delete;
  TreeBuilder& operator=(TreeBuilder&&) = delete;
  ~TreeBuilder() = default;

  /// In a mapping, keys and values come by turns through the same function.
  bool scalar(std::size_t offset, Node::Kind kind, std::string text);
  bool begin(std::size_t offset, Node::Kind kind);
  void end();
  bool fail(std::size_t offset, std::string message);

  /// Duplicate keys do not stop the parser, so there may be several.
  const std::vector<Problem>& problems() const { return problems_; }
  /// To be called once, after the document's last event.
  Node take() { return std::move(root_); }

 private:
  struct Open {
    Node* node;
    bool has_key;
  };
  bool count(std::size_t offset);
  bool wants_key() const;
  bool key(std::size_t offset, Node::Kind kind, std::string text);
  Node* place(Node node);

  const SourceText& source_;
  Node root_;
  std::vector<Open> open_;
  std::vector<Problem> problems_;
  std::size_t nodes_ = 0;
};

}  // namespace mosb::manifest
