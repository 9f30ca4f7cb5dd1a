#include "mosb/oci/www_authenticate.h"

#include <algorithm>

#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxFieldSize = 8192;
constexpr std::size_t kMaxChallenges = 8;

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// Reads one field from left to right. Spec: RFC 7230 §3.2.6 for tokens and quoted strings.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  bool take(char c) {
    if (at_end() || text_[at_] != c) {
      return false;
    }
    ++at_;
    return true;
  }
  bool skip_space() {
    const std::size_t start = at_;
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t')) {
      ++at_;
    }
    return at_ != start;
  }
  /// Commas and spaces: a list may have empty elements.
  void skip_separators() {
    while (skip_space() || take(',')) {
    }
  }
  std::string token() {
    const std::size_t start = at_;
    while (!at_end() && is_token_char(text_[at_])) {
      ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }
  /// A token or a quoted string. False if neither is there.
  bool value(std::string& out) {
    if (!take('"')) {
      out = token();
      return !out.empty();
    }
    while (!at_end() && text_[at_] != '"') {
      if (text_[at_] == '\\' && ++at_ == text_.size()) {
        return false;
      }
      out += text_[at_++];
    }
    return take('"');
  }
  /// "Basic abc123==" as against "Basic realm=x": takes the former.
  bool take_token68() {
    const std::size_t end = text_.find_first_of(" \t,", at_);
    const std::string_view word =
        text_.substr(at_, end == std::string_view::npos ? end : end - at_);
    const std::size_t padding = word.find('=');
    if (word.empty() || (padding != std::string_view::npos &&
                         word.find_first_not_of('=', padding) != std::string_view::npos)) {
      return false;
    }
    const std::size_t start = at_;
    at_ += word.size();
    (void)skip_space();
    if (take('=')) {  // "realm = x"
      at_ = start;
      return false;
    }
    return true;
  }
  std::size_t position() const { return at_; }
  void return_to(std::size_t position) { at_ = position; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

Error malformed(const std::string& why) {
  return {Errc::kNetwork, "malformed WWW-Authenticate header: " + why};
}

/// Reads "name=value" pairs until the next challenge begins or the field ends.
Status read_parameters(Reader& reader, Challenge& challenge) {
  for (;;) {
    const std::size_t start = reader.position();
    const std::string name = lower(reader.token());
    (void)reader.skip_space();
    if (name.empty() || !reader.take('=')) {
      reader.return_to(start);  // the next challenge's scheme, or the end
      return ok();
    }
    (void)reader.skip_space();
    std::string value;
    if (!reader.value(value)) {
      return malformed("no value for " + quote(name));
    }
    if (!challenge.parameters.emplace(name, value).second) {
      return malformed(quote(name) + " stands twice");
    }
    (void)reader.skip_space();
    if (!reader.at_end() && !reader.take(',')) {
      return malformed("no comma after " + quote(name));
    }
    reader.skip_separators();
  }
}

}  // namespace

Result<std::vector<Challenge>> parse_www_authenticate(std::string_view value) {
  if (value.size() > kMaxFieldSize) {
    return malformed("too long");
  }
  std::vector<Challenge> challenges;
  Reader reader(value);
  for (reader.skip_separators(); !reader.at_end(); reader.skip_separators()) {
    Challenge challenge;
    challenge.scheme = lower(reader.token());
    if (challenge.scheme.empty() || challenges.size() == kMaxChallenges) {
      return malformed(challenge.scheme.empty() ? "no scheme" : "too many challenges");
    }
    if (reader.skip_space() && !reader.take_token68()) {
      MOSB_CHECK(read_parameters(reader, challenge));
    }
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

}  // namespace mosb::oci
