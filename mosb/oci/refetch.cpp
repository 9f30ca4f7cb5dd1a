#include "mosb/oci/refetch.h"

namespace mosb::oci {

Status fetch_anew_while_wrong(const Repository& from, const std::function<Status()>& fetch) {
  Status fetched = fetch();
  for (unsigned others = from.places() - 1; others > 0; --others) {
    if (fetched || fetched.error().code() != Errc::kContent) {
      break;
    }
    fetched = fetch();
  }
  return fetched;
}

}  // namespace mosb::oci
