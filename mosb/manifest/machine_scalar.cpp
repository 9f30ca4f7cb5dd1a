#include "mosb/manifest/machine_scalar.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <string_view>

#include "mosb/base/byte_size.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

constexpr std::string_view kDigits = "0123456789";
/// Below it, a size without a unit is a mistake rather than a number of bytes.
constexpr std::uint64_t kLeastPlainSize = kMiB;
constexpr std::size_t kMostPath = 1024;

Error wrong(std::string message) {
  return Error(Errc::kManifest, std::move(message));
}

Result<std::string> as_path(const Node& node, bool name_is_enough) {
  std::string path = MOSB_TRY(as_qemu_value(node));
  if (path.size() > kMostPath) {
    return wrong("is longer than 1024 bytes");
  }
  if (path.front() == '/' || path.starts_with("~/")) {
    return path;
  }
  if (path.find('/') == std::string::npos && path != "." && path != ".." && name_is_enough) {
    return path;
  }
  return wrong(quote(path) + " is not an absolute path, which is needed because the definition " +
               "is kept elsewhere");
}

/// Without white space, a unit's first letter in upper case and the rest as parse_byte_size() wants
/// it: "1 gib" is 1GiB.
std::string normal_size(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ') {
      continue;
    }
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto upper = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    out += lower == 'i' ? lower : upper;
  }
  return out;
}

Result<ByteCount> parse_disk_size(const std::string& text) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::string size = normal_size(text);
  const Error no_size = wrong(quote(text) + " is not a size, like 512M, 64MiB or 1.5GiB");
  if (const auto bytes = parse_uint(size, 0, kMost)) {
    if (*bytes != 0 && *bytes < kLeastPlainSize) {
      return wrong(quote(text) + " is a number of bytes; write a unit, like " + size + "GiB");
    }
    return ByteCount{*bytes};
  }
  const std::size_t dot = size.find('.');
  if (dot == std::string::npos) {
    const auto whole_size = parse_byte_size(size);
    return whole_size ? whole_size : no_size;
  }
  // "1.5GiB" is "1GiB" and five tenths of it.
  const std::size_t unit = size.find_first_not_of(kDigits, dot + 1);
  const std::string places =
      size.substr(dot + 1, unit == std::string::npos ? unit : unit - dot - 1);
  if (unit == std::string::npos || places.empty() || places.size() > 3) {
    return no_size;
  }
  const auto whole_part = parse_byte_size(size.substr(0, dot) + size.substr(unit));
  const auto unit_size = parse_byte_size("1" + size.substr(unit));
  if (!whole_part || !unit_size) {
    return no_size;
  }
  const std::uint64_t whole = whole_part->value;
  const std::uint64_t one = unit_size->value;
  std::uint64_t part = 0;
  std::uint64_t scale = 1;
  for (const char digit : places) {
    part = part * 10 + static_cast<std::uint64_t>(digit - '0');
    scale *= 10;
  }
  if (whole > kMost - one) {
    return wrong(quote(text) + " is too much");
  }
  return ByteCount{whole + one / scale * part + one % scale * part / scale};
}

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

bool is_given(const Node* node) {
  return node != nullptr && node->kind != Node::Kind::kNull &&
         !(node->is_scalar() && node->text.empty());
}

Result<std::string> as_written(const Node& node) {
  Node text = node;
  if (text.kind == Node::Kind::kPlain) {
    text.kind = Node::Kind::kQuoted;
  }
  return as_line(text);
}

Result<std::string> as_qemu_value(const Node& node) {
  std::string text = MOSB_TRY(as_written(node));
  if (text.find(',') != std::string::npos) {
    return wrong(quote(text) + " has a comma, which separates options of qemu");
  }
  return text;
}

Result<std::string> as_host_path(const Node& node) {
  return as_path(node, false);
}

Result<std::string> as_disk_file(const Node& node) {
  return as_path(node, true);
}

Result<ByteCount> as_memory(const Node& node) {
  constexpr std::uint64_t kMostMib = 16U * 1024 * 1024;
  if (node.kind == Node::Kind::kPlain &&
      node.text.find_first_not_of(kDigits) == std::string::npos) {
    return ByteCount{MOSB_TRY(as_uint(node, 1, kMostMib)) * kMiB};
  }
  const ByteCount size = MOSB_TRY(as_size(node));
  if (size.value % kMiB != 0 || size.value > kMostMib * kMiB) {
    return wrong(quote(node.text) +
                 " is not a whole number of MiB up to 16 TiB; 2048 and 2048MiB are 2 GiB");
  }
  return size;
}

Result<ByteCount> as_disk_size(const Node& node) {
  constexpr std::uint64_t kBlock = 512;
  const ByteCount size = MOSB_TRY(parse_disk_size(MOSB_TRY(as_written(node))));
  if (size.value > std::numeric_limits<std::int64_t>::max() - kBlock) {
    return wrong(quote(node.text) + " is too much");
  }
  return ByteCount{(size.value + kBlock - 1) / kBlock * kBlock};
}

Result<std::string> as_mac(const Node& node) {
  std::string mac = MOSB_TRY(as_written(node));
  bool good = mac.size() == 17;
  for (std::size_t i = 0; good && i < mac.size(); ++i) {
    good = i % 3 == 2 ? mac[i] == ':' : is_hex(mac[i]);
    mac[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(mac[i])));
  }
  if (!good) {
    return wrong(quote(mac) + " is not a MAC address like 52:54:00:11:22:33");
  }
  if (std::string_view("13579bdf").find(mac[1]) != std::string_view::npos) {
    return wrong(quote(mac) + " is an address of a group, not of one card");
  }
  if (mac == "00:00:00:00:00:00") {
    return wrong(quote(mac) + " is no address");
  }
  return mac;
}

Result<std::uint8_t> as_slot(const Node& node) {
  const std::string text = MOSB_TRY(as_written(node));
  const Error malformed = wrong(quote(text) + " is not a PCI slot from 1 to 30 (0x1 to 0x1e)");
  std::string_view digits = text;
  if (digits.ends_with(".0")) {
    digits.remove_suffix(2);
  }
  unsigned slot = 0;
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
    if (digits.empty() || digits.size() > 2 || !std::all_of(digits.begin(), digits.end(), is_hex)) {
      return malformed;
    }
    slot = static_cast<unsigned>(std::stoul(std::string(digits), nullptr, 16));
  } else if (const auto decimal = parse_uint(digits, 0, 255)) {
    slot = static_cast<unsigned>(*decimal);
  }
  if (slot < 1 || slot > 30) {
    return malformed;
  }
  return static_cast<std::uint8_t>(slot);
}

Result<std::uint32_t> as_bootindex(const Node& node) {
  const std::string text = MOSB_TRY(as_written(node));
  const auto index = parse_uint(text, 0, 1'000'000);
  if (!index) {
    return wrong(quote(text) + " is neither 'off' nor a number from 0 to 1000000");
  }
  return static_cast<std::uint32_t>(*index);
}

Result<IpAddress> as_ipv4(const Node& node) {
  const std::string text = MOSB_TRY(as_written(node));
  const auto address = IpAddress::parse(text);
  if (!address || !address->is_v4()) {
    return wrong(quote(text) + " is not an IPv4 address");
  }
  return *address;
}

Result<std::uint16_t> as_port(const Node& node) {
  return static_cast<std::uint16_t>(MOSB_TRY(as_uint(node, 1, 65535)));
}

Result<std::string> as_nic_id(const Node& node) {
  const std::string text = MOSB_TRY(as_written(node));
  const auto inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (text.size() > 31 || text.front() < 'a' || text.front() > 'z' ||
      !std::all_of(text.begin(), text.end(), inner)) {
    return wrong(quote(text) + " is not an id: 1 to 31 of a-z, 0-9 and '-', the first one of a-z");
  }
  return text;
}

}  // namespace mosb::manifest
