#include "mosb/trust/trust_policy.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto policy = trust::TrustPolicy::parse(fuzz::text(data, size));
  if (policy) {
    fuzz::require(!policy->statements.empty());
    (void)policy->select("registry.example/some/repository");
    for (const trust::TrustPolicyStatement& statement : policy->statements) {
      for (const std::string& scope : statement.registry_scopes) {
        const auto selected = policy->select(scope);
        fuzz::require(scope == "*" || (selected && *selected == &statement));
      }
    }
  }
  return 0;
}
