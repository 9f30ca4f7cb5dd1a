#include "mosb/manifest/tree_builder.h"

#include <algorithm>
#include <utility>

#include "mosb/base/text.h"

namespace mosb::manifest {

bool TreeBuilder::fail(std::size_t offset, std::string message) {
  problems_.push_back(source_.problem_at(offset, std::move(message)));
  return false;
}

bool TreeBuilder::count(std::size_t offset) {
  if (++nodes_ > kMaxNodes) {
    return fail(offset, "more than " + std::to_string(kMaxNodes) + " values");
  }
  return true;
}

bool TreeBuilder::wants_key() const {
  return !open_.empty() && open_.back().node->kind == Node::Kind::kMapping && !open_.back().has_key;
}

bool TreeBuilder::key(std::size_t offset, Node::Kind kind, std::string text) {
  if (kind != Node::Kind::kPlain && kind != Node::Kind::kQuoted) {
    return fail(offset, "a key that is not plain text");
  }
  if (text == "<<") {
    return fail(offset, "merge key '<<': merging is not allowed in a manifest");
  }
  Node& mapping = *open_.back().node;
  const auto same = std::find_if(mapping.members.begin(),
                                 mapping.members.end(),
                                 [&](const Node::Member& member) { return member.name == text; });
  if (same != mapping.members.end()) {
    (void)fail(
        offset,
        "key " + quote(text) + " stands twice, first in line " + std::to_string(same->mark.line));
  }
  mapping.members.push_back({std::move(text), source_.mark_at(offset), Node{}});
  open_.back().has_key = true;
  return true;
}

Node* TreeBuilder::place(Node node) {
  if (open_.empty()) {
    root_ = std::move(node);
    return &root_;
  }
  Open& parent = open_.back();
  if (parent.node->kind == Node::Kind::kSequence) {
    parent.node->items.push_back(std::move(node));
    return &parent.node->items.back();
  }
  parent.has_key = false;
  parent.node->members.back().value = std::move(node);
  return &parent.node->members.back().value;
}

bool TreeBuilder::scalar(std::size_t offset, Node::Kind kind, std::string text) {
  if (!count(offset)) {
    return false;
  }
  if (wants_key()) {
    return key(offset, kind, std::move(text));
  }
  place(Node{kind, source_.mark_at(offset), std::move(text), {}, {}});
  return true;
}

bool TreeBuilder::begin(std::size_t offset, Node::Kind kind) {
  if (!count(offset)) {
    return false;
  }
  if (open_.size() >= kMaxDepth) {
    return fail(offset, "more than " + std::to_string(kMaxDepth) + " levels");
  }
  if (wants_key()) {
    return key(offset, kind, "");
  }
  // The pointer stays good: while a child is open, nothing is added to its parent's list.
  open_.push_back({place(Node{kind, source_.mark_at(offset), "", {}, {}}), false});
  return true;
}

void TreeBuilder::end() {
  open_.pop_back();
}

}  // namespace mosb::manifest
