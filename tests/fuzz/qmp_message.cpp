#include "provider-kvm/qmp_message.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

namespace {

void check_message(const std::string& line) {
  const auto message = kvm::parse_qmp(line);
  if (!message) {
    fuzz::require(!message.error().message().empty());
    return;
  }
  if (const auto* const greeting = std::get_if<kvm::QmpGreeting>(&*message)) {
    fuzz::require(greeting->version.find_first_not_of("0123456789.") == std::string::npos);
  }
}

}  // namespace

/// A stream of lines, as it comes from qemu's socket: cut at a place that the first byte says.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view stream = fuzz::text(data + 1, size - 1);
  const std::string_view first = stream.substr(0, data[0]);
  kvm::LineBuffer lines(kvm::kMaxQmpLine);
  std::size_t taken = 0;
  for (const std::string_view part : {first, stream.substr(first.size())}) {
    fuzz::require(lines.add(part).has_value());
    while (const auto line = lines.next()) {
      fuzz::require(line->find('\n') == std::string::npos);
      taken += line->size() + 1;
      check_message(*line);
    }
  }
  fuzz::require(taken <= stream.size());
  return 0;
}
