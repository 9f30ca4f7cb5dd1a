#include "verity/erofs_scan.h"

#include "verity/erofs_view.h"
#include "verity/layer_scan.h"
#include "verity/layer_walk.h"

namespace mosb::verity {

std::string scan_erofs(const VerifiedReader& reader) {
  FaultLog faults(-1);
  const auto view = ErofsView::open(reader, faults);
  return view ? walk_layer(**view, faults) : refused_answer("", reason_for(view.error(), faults));
}

}  // namespace mosb::verity
