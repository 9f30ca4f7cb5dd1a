#include "mosb/manifest/object_reader.h"

#include <algorithm>

#include "mosb/base/text.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

std::string not_supported(const std::string& what) {
  return what + " is not supported by this mosb";
}

}  // namespace

void Findings::add(const Mark& mark,
                   std::string field,
                   std::string message,
                   std::string suggestion) {
  problems.push_back(
      {mark.line, mark.column, std::move(field), std::move(message), std::move(suggestion)});
}

ObjectReader::ObjectReader(const Node& node,
                           std::string path,
                           std::span<const Field> fields,
                           Findings& findings)
    : node_(node), path_(std::move(path)), findings_(findings) {
  if (node.kind != Node::Kind::kMapping) {
    findings_.add(node.mark, path_, "wants a mapping of fields");
  }
  for (const Node::Member& member : node.members) {
    check_member(member, fields);
  }
}

void ObjectReader::check_member(const Node::Member& member, std::span<const Field> fields) const {
  if (member.name.starts_with("x-")) {
    return;
  }
  const auto field = std::find_if(
      fields.begin(), fields.end(), [&](const Field& known) { return known.name == member.name; });
  const std::string name = "field " + quote(member.name);
  if (field == fields.end()) {
    std::vector<std::string_view> names;
    for (const Field& known : fields) {
      if (known.since != Field::Since::kNotBuilt) {
        names.push_back(known.name);
      }
    }
    findings_.add(
        member.mark, path(member.name), "unknown " + name, nearest_name(member.name, names));
  } else if (field->since == Field::Since::kNotBuilt) {
    findings_.add(member.mark, path(member.name), not_supported(name));
  } else if (field->since == Field::Since::kVersion2 && findings_.version < 2) {
    findings_.add(member.mark, path(member.name), name + " needs 'version: 2'");
  }
}

std::string ObjectReader::path(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const Node* ObjectReader::find(std::string_view name) const {
  const auto member = std::find_if(node_.members.begin(),
                                   node_.members.end(),
                                   [&](const Node::Member& m) { return m.name == name; });
  return member == node_.members.end() ? nullptr : &member->value;
}

void ObjectReader::problem(std::string_view name, const Mark& mark, std::string message) const {
  findings_.add(mark, path(name), std::move(message));
}

void ObjectReader::demand(std::string_view name) const {
  if (find(name) == nullptr && node_.kind == Node::Kind::kMapping) {
    problem(name, node_.mark, "is missing");
  }
}

std::optional<std::string> ObjectReader::get_checked(std::string_view name,
                                                     Status (*check)(std::string_view)) const {
  std::optional<std::string> text = get(name, as_text);
  if (text) {
    if (const Status good = check(*text); !good) {
      problem(name, find(name)->mark, good.error().message());
      return std::nullopt;
    }
  }
  return text;
}

std::optional<std::size_t> ObjectReader::get_word(
    std::string_view name,
    std::span<const std::string_view> words,
    std::span<const std::string_view> not_built) const {
  const std::optional<std::string> text = get(name, as_line);
  if (!text) {
    return std::nullopt;
  }
  const auto word = std::find(words.begin(), words.end(), *text);
  if (word != words.end()) {
    return static_cast<std::size_t>(word - words.begin());
  }
  const Mark mark = find(name)->mark;
  if (std::find(not_built.begin(), not_built.end(), *text) != not_built.end()) {
    problem(name, mark, not_supported(quote(*text)));
  } else {
    findings_.add(mark, path(name), "unknown value " + quote(*text), nearest_name(*text, words));
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, const Node*>> ObjectReader::get_list(
    std::string_view name) const {
  std::vector<std::pair<std::string, const Node*>> items;
  const Node* const list = find(name);
  if (list == nullptr || list->kind == Node::Kind::kNull) {
    return items;
  }
  if (list->kind != Node::Kind::kSequence) {
    problem(name, list->mark, "wants a list");
  }
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    items.emplace_back(path(name) + "[" + std::to_string(i) + "]", &list->items[i]);
  }
  return items;
}

}  // namespace mosb::manifest
