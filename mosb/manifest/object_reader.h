#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/manifest/fields.h"
#include "mosb/manifest/node.h"
#include "mosb/manifest/problem.h"

namespace mosb::manifest {

/// What was found wrong so far, and the version whose fields are allowed.
struct Findings {
  int version = 1;
  std::vector<Problem> problems = {};

  void add(const Mark& mark, std::string field, std::string message, std::string suggestion = "");
};

/// Reads the members of one mapping and reports each that is unknown, missing or malformed.
class ObjectReader {
 public:
  /// `path` is where the mapping stands, e.g. "targets[0].network". Reports at once if the node is
  /// no mapping or has members that `fields` does not know or that the version does not have.
  ObjectReader(const Node& node,
               std::string path,
               std::span<const Field> fields,
               Findings& findings);

  const Mark& mark() const { return node_.mark; }
  Findings& findings() const { return findings_; }
  /// The path of a member.
  std::string path(std::string_view name) const;

  /// nullptr if absent.
  const Node* find(std::string_view name) const;
  void problem(std::string_view name, const Mark& mark, std::string message) const;

  /// The member's value, or nothing if it is absent or malformed (then reported).
  template <class T>
  std::optional<T> get(std::string_view name, Result<T> (*parse)(const Node&)) const {
    const Node* const member = find(name);
    if (member == nullptr) {
      return std::nullopt;
    }
    Result<T> value = parse(*member);
    if (!value) {
      problem(name, member->mark, value.error().message());
      return std::nullopt;
    }
    return *std::move(value);
  }
  /// Reports a member that is absent.
  void demand(std::string_view name) const;
  /// The value of a member that must be there.
  template <class T>
  std::optional<T> require(std::string_view name, Result<T> (*parse)(const Node&)) const {
    demand(name);
    return get(name, parse);
  }
  /// A text that must pass a check as well.
  std::optional<std::string> get_checked(std::string_view name,
                                         Status (*check)(std::string_view)) const;
  /// One of the words, as its index; `not_built` are words of the format that this mosb lacks.
  std::optional<std::size_t> get_word(std::string_view name,
                                      std::span<const std::string_view> words,
                                      std::span<const std::string_view> not_built) const;
  /// The items of a list, each with its path; none if absent, null or no list (then reported).
  std::vector<std::pair<std::string, const Node*>> get_list(std::string_view name) const;

 private:
  void check_member(const Node::Member& member, std::span<const Field> fields) const;

  const Node& node_;
  std::string path_;
  Findings& findings_;
};

}  // namespace mosb::manifest
