#include "provider-kvm/run_record.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto record = kvm::parse_run_record(fuzz::text(data, size));
  if (!record) {
    fuzz::require(record.error().code() == Errc::kState && !record.error().message().empty());
    return 0;
  }
  fuzz::require(record->qemu.pid > 0);
  fuzz::require(!record->user || *record->user > 0);
  const auto again = kvm::parse_run_record(kvm::print_run_record(*record));
  fuzz::require(again && *again == *record);
  return 0;
}
