#include "mosb/manifest/scalar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "mosb/base/byte_size.h"
#include "mosb/base/duration.h"
#include "mosb/base/number.h"
#include "mosb/base/signal_name.h"
#include "mosb/base/text.h"

namespace mosb::manifest {

namespace {

constexpr std::string_view kDigits = "0123456789";

Error wrong(std::string message) {
  return Error(Errc::kManifest, std::move(message));
}

const char* kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kSequence:
      return "a list";
    case Node::Kind::kMapping:
      return "a mapping";
    case Node::Kind::kPlain:
    case Node::Kind::kQuoted:
      return "text";
  }
  return "text";
}

bool all_of_set(std::string_view text, std::string_view set) {
  return text.find_first_not_of(set) == std::string_view::npos;
}

bool is_word_of_truth(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  static constexpr std::array<std::string_view, 8> kWords{
      "true", "false", "yes", "no", "on", "off", "y", "n"};
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

/// Digits with colons between them, the later groups below 60: YAML 1.1 counts in sixties.
bool is_sexagesimal(std::string_view text) {
  const std::vector<std::string> groups = split(text, ':');
  return groups.size() > 1 && std::all_of(groups.begin(), groups.end(), [](const auto& group) {
           return !group.empty() && group.size() <= 2 && all_of_set(group, kDigits) &&
                  (group.size() < 2 || group.front() < '6');
         });
}

/// Whether some reader of YAML makes another number of the text than a reader of decimals, or a
/// number where another one sees text.
bool is_doubtful_number(std::string_view text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    text.remove_prefix(1);
  }
  if (text.empty()) {
    return false;
  }
  static constexpr std::array<std::string_view, 6> kSpecial{
      ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
  if (std::find(kSpecial.begin(), kSpecial.end(), text) != kSpecial.end()) {
    return true;
  }
  const std::string_view prefix = text.substr(0, 2);
  if (prefix == "0x" || prefix == "0o" || prefix == "0b") {
    return true;
  }
  const bool starts_like_one = kDigits.find(text.front()) != std::string_view::npos;
  const bool octal = text.size() > 1 && text.front() == '0' && all_of_set(text, kDigits);
  const bool grouped = starts_like_one && text.find('_') != std::string_view::npos &&
                       all_of_set(text, "0123456789_.");
  const std::size_t e = text.find_first_of("eE");
  const bool exponent = starts_like_one && e != std::string_view::npos && e + 1 < text.size() &&
                        all_of_set(text.substr(0, e), "0123456789.") &&
                        all_of_set(text.substr(e + 1), "0123456789+-");
  return octal || grouped || exponent || is_sexagesimal(text);
}

/// Gives an inner error the class of this part.
template <class T>
Result<T> judged(Result<T> value) {
  return std::move(value).as(Errc::kManifest);
}

}  // namespace

Result<std::string> as_text(const Node& node) {
  if (!node.is_scalar()) {
    return wrong(std::string("wants text, not ") + kind_name(node));
  }
  if (node.kind == Node::Kind::kPlain &&
      (is_word_of_truth(node.text) || is_doubtful_number(node.text))) {
    return wrong("readers of YAML differ on what " + quote(node.text) +
                 " is; if text is meant, write it in quotes");
  }
  if (node.text.find('\0') != std::string::npos) {
    return wrong("has a NUL character");
  }
  return node.text;
}

Result<std::string> as_line(const Node& node) {
  std::string text = MOSB_TRY(as_text(node));
  if (text.empty()) {
    return wrong("is empty");
  }
  if (!is_printable_line(text) || escape(text) != text) {
    return wrong(quote(text) + " has a control character");
  }
  return text;
}

Result<bool> as_bool(const Node& node) {
  if (node.kind != Node::Kind::kPlain || (node.text != "true" && node.text != "false")) {
    return wrong("wants true or false, without quotes");
  }
  return node.text == "true";
}

Result<std::uint64_t> as_uint(const Node& node, std::uint64_t min, std::uint64_t max) {
  if (node.kind == Node::Kind::kPlain) {
    if (const auto value = parse_uint(node.text, min, max)) {
      return *value;
    }
  }
  const std::string shown = node.is_scalar() ? ", not " + quote(node.text) : "";
  return wrong("wants a decimal whole number from " + std::to_string(min) + " to " +
               std::to_string(max) + ", without quotes" + shown);
}

Result<Digest> as_digest(const Node& node) {
  return judged(Digest::parse(MOSB_TRY(as_line(node))));
}

Result<std::chrono::milliseconds> as_duration(const Node& node) {
  return judged(parse_duration(MOSB_TRY(as_line(node))));
}

Result<int> as_signal(const Node& node) {
  return judged(parse_signal(MOSB_TRY(as_line(node))));
}

Result<ByteCount> as_size(const Node& node) {
  const std::string text = MOSB_TRY(as_line(node));
  const ByteCount size = MOSB_TRY(judged(parse_byte_size(text)));
  if (size.value == 0) {
    return wrong("is nothing");
  }
  return size;
}

Result<ByteCount> as_size_or_mib(const Node& node) {
  if (node.kind == Node::Kind::kPlain && all_of_set(node.text, kDigits)) {
    const std::uint64_t mib = MOSB_TRY(as_uint(node, 1, 1'000'000'000'000));
    return ByteCount{mib * kMiB};
  }
  return as_size(node);
}

Result<std::uint32_t> as_cpu_millis(const Node& node) {
  const std::string text = MOSB_TRY(as_line(node));
  const Error malformed = wrong(
      quote(text) + " is not a number of processors from 0.001 to 1024, like 2, 0.75 or 750m");
  const bool in_millis = text.back() == 'm';
  const std::size_t dot = text.find('.');
  std::string whole = text.substr(0, in_millis ? text.size() - 1 : dot);
  std::string thousandths;
  if (!in_millis) {
    thousandths = dot == std::string::npos ? "" : text.substr(dot + 1);
    if (thousandths.size() > 3 || (dot != std::string::npos && thousandths.empty()) ||
        !all_of_set(thousandths, kDigits)) {
      return malformed;
    }
    thousandths.resize(3, '0');
  }
  constexpr std::uint64_t kMost = 1024 * 1000;
  const auto high = parse_uint(whole, 0, kMost);
  if (!high) {
    return malformed;
  }
  std::uint64_t millis = in_millis ? *high : *high * 1000;
  for (std::size_t i = 0, unit = 100; i < thousandths.size(); ++i, unit /= 10) {
    millis += static_cast<std::uint64_t>(thousandths[i] - '0') * unit;
  }
  if (millis == 0 || millis > kMost) {
    return malformed;
  }
  return static_cast<std::uint32_t>(millis);
}

}  // namespace mosb::manifest
