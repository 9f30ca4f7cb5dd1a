#include "mosb/oci/auth_file.h"

#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "mosb/oci/credential_helper.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

namespace {

constexpr std::string_view kServer = "registry.example:5000";

/// The one helper that there is, "x"; it answers what the fuzzer wants.
class Helper final : public ProcessRunner {
 public:
  Helper()
      : dir_(TempDir::make("/tmp", "mosb-fuzz-").value()),
        program_(dir_.path() + "/docker-credential-x") {
    fuzz::require(
        UniqueFd(::open(program_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0700)).is_open());
  }

  Result<Completed> run(const Command& command) override {
    fuzz::require(command.argv == std::vector<std::string>{program_, "get"});
    fuzz::require(command.input == std::string(kServer) + "\n");
    return Completed{.status = answer.starts_with("credentials not found") ? 1 : 0,
                     .out = std::string(answer)};
  }

  const std::string& path() const { return dir_.path(); }
  std::string_view answer;

 private:
  TempDir dir_;
  std::string program_;
};

}  // namespace

/// The file, and after a NUL what the helper answers.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int place = sys::memfd("auth")->release();
  static Helper helper;
  const std::string_view input = fuzz::text(data, size);
  const std::string_view file = input.substr(0, input.find('\0'));
  helper.answer = file.size() == size ? "" : input.substr(file.size() + 1);
  fuzz::require(::ftruncate(place, 0) == 0);
  fuzz::require(sys::pwrite_all(place, std::as_bytes(std::span(file)), 0).has_value());
  oci::CredentialHelpers helpers(helper, {.path = helper.path()});
  const auto found = oci::find_credentials(
      std::string(kServer), "a/b", {"/proc/self/fd/" + std::to_string(place)}, helpers);
  if (found && *found) {
    fuzz::require((*found)->username.find(':') == std::string::npos);
  }
  return 0;
}
