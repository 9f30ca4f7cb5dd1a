#include "mosb/net/rules_digest.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "mosb/base/digest.h"
#include "mosb/base/text.h"
#include "mosb/net/names.h"
#include "mosb/net/ruleset.h"

namespace mosb::net {

namespace {

std::string without_space(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

/// Where the elements start behind the brace at `brace`, which is one of a set if they follow it in
/// its line.
bool starts_elements(std::string_view listing, std::size_t brace) {
  return brace + 1 < listing.size() && listing[brace] == '{' && listing[brace + 1] != '\n';
}

}  // namespace

std::string in_order(std::string_view listing) {
  std::string text;
  for (std::size_t i = 0; i < listing.size(); ++i) {
    text += listing[i];
    const std::size_t end =
        starts_elements(listing, i) ? listing.find('}', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      continue;
    }
    std::vector<std::string> elements;
    for (const std::string& element : split(listing.substr(i + 1, end - i - 1), ',')) {
      elements.push_back(without_space(element));
    }
    std::sort(elements.begin(), elements.end());
    text += join(elements, ",");
    i = end - 1;
  }
  return text;
}

Result<std::string> rules_digest(const std::string& instance, Nft& nft) {
  MOSB_CHECK(check_instance(instance));
  std::string both;
  for (const char* family : {"inet", "bridge"}) {
    const auto listing =
        nft.list(std::string("list table ") + family + " " + table_name(instance), false);
    if (!listing && listing.error().code() == Errc::kHost) {
      return std::string();
    }
    if (!listing) {
      return listing.error();
    }
    if (listing->empty()) {
      return std::string();
    }
    both += in_order(*listing);
  }
  return Digest::of(both).hex();
}

}  // namespace mosb::net
