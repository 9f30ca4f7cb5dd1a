#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/layer_place.h"

namespace mosb::verity {

/// What a server has to answer a simple question. Its own watchdog gives up on a disk that hangs
/// only after 30 s, but then its readers are freed without us.
constexpr std::chrono::seconds kAnswerTimeout{5};

/// Asks every server of the instance for something that no cache answers, from processes that may
/// hang in its place, and kills the servers that have not answered after `patience`: their readers,
/// whom no signal reaches, then get EIO. The value is the directories of those servers' places.
Result<std::vector<std::string>> end_stuck_servers(const MountEnvironment& environment,
                                                   std::chrono::milliseconds patience);

}  // namespace mosb::verity
