#include "mosb/trust/pem.h"

#include <algorithm>

#include "mosb/base/base64.h"
#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

/// Takes the next line, without its end and trailing blanks, off the front of `rest`.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  line.remove_suffix(line.size() - (line.find_last_not_of(" \t\r") + 1));
  return line;
}

bool is_boundary(std::string_view line, std::string_view start) {
  return line.size() >= start.size() + kDashes.size() && line.substr(0, start.size()) == start &&
         line.substr(line.size() - kDashes.size()) == kDashes;
}

std::string label_of(std::string_view line, std::string_view start) {
  return std::string(line.substr(start.size(), line.size() - start.size() - kDashes.size()));
}

/// The body up to the END line that belongs to `label`.
Result<PemBlock> parse_block(const std::string& label, std::string_view& rest) {
  std::string body;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    if (is_boundary(line, kEnd)) {
      if (label_of(line, kEnd) != label) {
        break;
      }
      Bytes content =
          MOSB_TRY(base64_decode(body).context("PEM block " + quote(label)).as(Errc::kContent));
      return PemBlock{label, std::move(content)};
    }
    body += line;
  }
  return Error(Errc::kContent, "PEM block " + quote(label) + " has no end");
}

}  // namespace

Result<std::vector<PemBlock>> parse_pem(std::string_view text) {
  std::vector<PemBlock> blocks;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (is_boundary(line, kBegin)) {
      blocks.push_back(MOSB_TRY(parse_block(label_of(line, kBegin), text)));
    }
  }
  return blocks;
}

std::string print_pem(const std::string& label, ByteView content) {
  constexpr std::size_t kLine = 64;
  const std::string body = base64_encode(content);
  std::string text = "-----BEGIN " + label + "-----\n";
  for (std::size_t i = 0; i < body.size(); i += kLine) {
    text += body.substr(i, kLine) + "\n";
  }
  return text + "-----END " + label + "-----\n";
}

}  // namespace mosb::trust
