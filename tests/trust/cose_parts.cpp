#include "tests/trust/cose_parts.h"

#include <algorithm>
#include <stdexcept>

#include "mosb/trust/cbor_writer.h"
#include "mosb/trust/signature_envelope.h"
#include "tests/trust/vectors.h"

namespace mosb::test {

using trust::Bytes;
using trust::CborArray;
using trust::CborEntry;
using trust::CborLabel;
using trust::CborMap;
using trust::CborOther;
using trust::CborTagged;
using trust::CborTags;
using trust::CborValue;
using trust::CborWriter;

namespace {

struct Printer {
  CborWriter& out;

  void operator()(std::int64_t number) const { out.integer(number); }
  void operator()(const Bytes& bytes) const { out.bytes(bytes); }
  void operator()(const std::string& text) const { out.text(text); }
  void operator()(const CborArray& items) const {
    out.array(items.size());
    for (const CborValue& item : items) {
      std::visit(*this, item.value);
    }
  }
  void operator()(const CborMap& map) const {
    out.map(map.size());
    for (const CborEntry& entry : map) {
      std::visit(*this, entry.label);
      std::visit(*this, entry.value.value);
    }
  }
  void operator()(const CborTagged& tagged) const {
    out.tag(tagged.tag);
    std::visit(*this, tagged.item.front().value);
  }
  void operator()(CborOther /*value*/) const { throw std::logic_error("not to be written"); }
};

std::string text_of(const CborValue& value) {
  const auto& bytes = std::get<Bytes>(value.value);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

CoseParts CoseParts::of_case(const std::string& name) {
  const std::string envelope = notation_file("cases/" + name + "/signature.cose");
  const CborValue message =
      must(parse_cbor(trust::as_bytes(envelope), trust::kMaxEnvelope, CborTags::kAllowed));
  const auto& items = std::get<CborArray>(std::get<CborTagged>(message.value).item.front().value);
  const CborValue header =
      must(parse_cbor(std::get<Bytes>(items.at(0).value), trust::kMaxEnvelope, CborTags::kAllowed));
  return {std::get<CborMap>(header.value),
          std::get<CborMap>(items.at(1).value),
          text_of(items.at(2)),
          text_of(items.at(3))};
}

std::string CoseParts::print() const {
  return print_with(print_cbor({protected_header}));
}

std::string CoseParts::print_with(std::string_view header) const {
  CborWriter start;
  start.tag(18).array(4).bytes(trust::as_bytes(header));
  CborWriter end;
  end.bytes(trust::as_bytes(payload)).bytes(trust::as_bytes(signature));
  return start.str() + print_cbor({unprotected}) + end.str();
}

std::string print_cbor(const CborValue& value) {
  CborWriter out;
  std::visit(Printer{out}, value.value);
  return out.str();
}

void set_label(CborMap& map, const CborLabel& label, CborValue value) {
  erase_label(map, label);
  map.push_back(CborEntry{label, std::move(value)});
}

void erase_label(CborMap& map, const CborLabel& label) {
  std::erase_if(map, [&](const CborEntry& entry) { return entry.label == label; });
}

std::string from_hex(std::string_view digits) {
  std::string text(digits);
  std::erase(text, ' ');
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace mosb::test
