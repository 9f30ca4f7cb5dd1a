#include "verity/erofs_locate.h"

#include <utility>
#include <vector>

#include "verity/block_owner.h"
#include "verity/erofs_view.h"
#include "verity/layer_scan.h"
#include "verity/layer_search.h"

namespace mosb::verity {

std::string locate_in_erofs(const VerifiedReader& reader, std::span<const std::uint64_t> blocks) {
  FaultLog faults(-1);
  const auto view = ErofsView::open(reader, faults);
  if (!view) {
    return refused_answer("", view.error().message());
  }
  std::vector<BlockOwner> owners;
  for (const std::uint64_t block : blocks) {
    BlockOwner owner;
    owner.block = block;
    owner.kind = block == 0 ? BlockOwner::Kind::kSuperblock : BlockOwner::Kind::kNobody;
    owners.push_back(std::move(owner));
  }
  find_files(**view, owners);
  return located_answer(owners);
}

}  // namespace mosb::verity
