#include "mosb/base/json.h"

#include <utility>

#include "mosb/base/text.h"

namespace mosb::json {

namespace {

constexpr std::size_t kMaxDepth = 32;

/// Builds the document and stops at the first duplicate name or at too many levels, which
/// nlohmann's own builder lets pass.
// NOLINTNEXTLINE(bugprone-exception-escape): moving Json throws nothing, its assertions confuse
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  /// `elements` may be null.
  explicit StrictBuilder(const Elements* elements) : elements_(elements) {}
  /// After a failure.
  const Error& error() const { return *error_; }
  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return fail("binary value"); }
  bool start_object(std::size_t /*size*/) override { return push(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return push(Json::array()); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    const auto [member, is_new] = open_.back()->emplace(name, nullptr);
    if (!is_new) {
      return fail("member " + quote(name) + " stands twice");
    }
    member_ = &*member;
    if (open_.size() == 1) {
      is_taken_ = elements_ != nullptr && name == elements_->array;
    }
    return true;
  }
  bool parse_error(std::size_t position,
                   const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return fail("malformed JSON at byte " + std::to_string(position));
  }

 private:
  bool fail(Error error) {
    if (!error_) {
      error_ = std::move(error);
    }
    return false;
  }
  bool fail(std::string why) { return fail(Error(Errc::kContent, std::move(why))); }
  bool push(Json container) {
    if (open_.size() >= kMaxDepth) {
      return fail("more than " + std::to_string(kMaxDepth) + " levels");
    }
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool add(Json value) {
    place(std::move(value));
    return give_away();
  }
  bool close() {
    open_.pop_back();
    return give_away();
  }
  /// After each value: it is taken if it is an element of the array that is asked for.
  bool give_away() {
    if (!is_taken_ || open_.size() != 2 || !open_.back()->is_array()) {
      return true;
    }
    const Json element = std::move(open_.back()->back());
    open_.back()->clear();
    const Status taken = elements_->take(element);
    if (!taken) {
      return fail(taken.error().context(elements_->array + "[" + std::to_string(count_) + "]"));
    }
    ++count_;
    return true;
  }
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(*member_ = std::move(value));
  }

  Json root_;
  std::vector<Json*> open_;
  /// Of the innermost object, the member whose value comes next.
  Json* member_ = nullptr;
  const Elements* elements_;
  /// Whether what is read now is in the member that `elements_` names, and how many were taken.
  bool is_taken_ = false;
  std::size_t count_ = 0;
  std::optional<Error> error_;
};

/// The member, or nullptr if it is absent.
const Json* find(const Json& object, const std::string& name) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

Error wrong_type(const std::string& name, const char* wanted) {
  return Error(Errc::kContent, "member " + quote(name) + " is not " + wanted);
}

Error missing(const std::string& name) {
  return Error(Errc::kContent, "member " + quote(name) + " is missing");
}

template <class T>
Result<T> require(Result<std::optional<T>> member, const std::string& name) {
  std::optional<T> value = MOSB_TRY(std::move(member));
  if (!value) {
    return missing(name);
  }
  return *std::move(value);
}

Result<const Json*> require(Result<const Json*> member, const std::string& name) {
  const Json* const value = MOSB_TRY(std::move(member));
  if (value == nullptr) {
    return missing(name);
  }
  return value;
}

}  // namespace

namespace {

Result<Json> parse_with(std::string_view text, ByteCount limit, StrictBuilder builder) {
  if (text.size() > limit.value) {
    return Error(Errc::kContent,
                 "JSON of " + std::to_string(text.size()) + " bytes, more than " +
                     std::to_string(limit.value));
  }
  if (!is_utf8(text)) {
    return Error(Errc::kContent, "JSON that is not UTF-8");
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") {
    return Error(Errc::kContent, "JSON with a byte order mark");
  }
  if (!Json::sax_parse(text, &builder)) {
    return builder.error();
  }
  return builder.take();
}

}  // namespace

Result<Json> parse(std::string_view text, ByteCount limit) {
  return parse_with(text, limit, StrictBuilder(nullptr));
}

Result<Json> parse(std::string_view text, ByteCount limit, const Elements& elements) {
  return parse_with(text, limit, StrictBuilder(&elements));
}

Result<std::optional<std::string>> optional_string(const Json& object, const std::string& name) {
  const Json* const member = find(object, name);
  if (member == nullptr) {
    return std::optional<std::string>();
  }
  if (!member->is_string()) {
    return wrong_type(name, "a string");
  }
  return std::optional<std::string>(member->get_ref<const std::string&>());
}

Result<std::string> require_string(const Json& object, const std::string& name) {
  return require(optional_string(object, name), name);
}

Result<std::optional<std::uint64_t>> optional_uint(const Json& object, const std::string& name) {
  const Json* const member = find(object, name);
  if (member == nullptr) {
    return std::optional<std::uint64_t>();
  }
  if (!member->is_number_unsigned()) {
    return wrong_type(name, "a whole number");
  }
  return std::optional<std::uint64_t>(member->get<std::uint64_t>());
}

Result<std::uint64_t> require_uint(const Json& object, const std::string& name) {
  return require(optional_uint(object, name), name);
}

Result<std::optional<bool>> optional_bool(const Json& object, const std::string& name) {
  const Json* const member = find(object, name);
  if (member == nullptr) {
    return std::optional<bool>();
  }
  if (!member->is_boolean()) {
    return wrong_type(name, "true or false");
  }
  return std::optional<bool>(member->get<bool>());
}

Result<const Json*> optional_object(const Json& object, const std::string& name) {
  const Json* const member = find(object, name);
  if (member != nullptr && !member->is_object()) {
    return wrong_type(name, "an object");
  }
  return member;
}

Result<const Json*> optional_array(const Json& object, const std::string& name) {
  const Json* const member = find(object, name);
  if (member != nullptr && !member->is_array()) {
    return wrong_type(name, "an array");
  }
  return member;
}

Result<const Json*> require_object(const Json& object, const std::string& name) {
  return require(optional_object(object, name), name);
}

Result<const Json*> require_array(const Json& object, const std::string& name) {
  return require(optional_array(object, name), name);
}

Result<std::map<std::string, std::string>> optional_string_map(const Json& object,
                                                               const std::string& name) {
  std::map<std::string, std::string> map;
  const Json* const member = MOSB_TRY(optional_object(object, name));
  if (member == nullptr) {
    return map;
  }
  for (const auto& [key, value] : member->items()) {
    if (!value.is_string()) {
      return wrong_type(name + "." + key, "a string");
    }
    map[key] = value.get<std::string>();
  }
  return map;
}

Result<std::vector<std::string>> optional_string_list(const Json& object, const std::string& name) {
  std::vector<std::string> list;
  const Json* const member = MOSB_TRY(optional_array(object, name));
  if (member == nullptr) {
    return list;
  }
  for (const Json& value : *member) {
    if (!value.is_string()) {
      return wrong_type(name, "an array of strings");
    }
    list.push_back(value.get<std::string>());
  }
  return list;
}

}  // namespace mosb::json
