#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "verity/fault_log.h"
#include "verity/fuse_connection.h"
#include "verity/root_hash.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

/// What both servers are given: the layer, and these descriptors.
struct ServedLayer {
  /// /dev/fuse of a mount that was made already.
  static constexpr int kFuseFd = 3;
  /// The layer file, or its dm-verity device, open for reading.
  static constexpr int kBlobFd = 4;
  /// The status file, open for appending (see FaultLog).
  static constexpr int kStatusFd = 5;
  /// A pipe: "ready\n", or "error TEXT\n", then its end.
  static constexpr int kReadyFd = 6;

  RootHash root_hash;
  /// As signed.
  ByteCount size;
  /// The kernel checks the blocks, and kBlobFd is the device by which it does.
  bool checked_by_kernel = false;

  /// ROOT_HASH SIZE. Errors: kVerity, kContent.
  static Result<ServedLayer> parse(const std::string& root_hash,
                                   const std::string& size,
                                   bool checked_by_kernel = false);
};

/// Makes the handler of one worker thread. It runs sandboxed, once per worker.
using MakeHandler =
    std::function<Result<std::unique_ptr<FuseHandler>>(const VerifiedReader&, FaultLog&)>;

struct ServerProgram {
  /// For the handlers; what the layer's size needs comes on top.
  ByteCount memory;
  MakeHandler make_handler;
};

/// Serves the mount until it is gone: two worker threads, and this one as their watchdog, which
/// ends the process when a request takes more than 30 seconds, so that whoever waits gets an
/// error. Everything from outside is looked at in the sandbox only. Never returns.
[[noreturn]] void serve_layer(const ServedLayer& layer, const ServerProgram& program);

/// "error TEXT" on the ready pipe, then the end of the process.
[[noreturn]] void refuse_to_serve(const Error& error);

}  // namespace mosb::verity
