#include <cerrno>
#include <memory>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "mosb/base/text.h"
#include "mosb/net/netlink_socket.h"
#include "mosb/net/nft.h"
#include "mosb/net/nft_library.h"

namespace mosb::net {

namespace {

constexpr char kNoTables[] = "this kernel has no nf_tables";
constexpr char kLoadModule[] = "load the module nf_tables, or use a kernel with CONFIG_NF_TABLES";

/// libnftables ends the process where it cannot open its socket, so that is tried before; asking
/// for the generation also loads the module.
Status check_kernel() {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) {
    return Error(Errc::kHost, std::string(kNoTables) + ": " + socket.error().message())
        .with_hint(kLoadModule);
  }
  NetlinkMessage message =
      MOSB_TRY(NetlinkMessage::make((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, 0));
  nfgenmsg header{};
  header.nfgen_family = AF_UNSPEC;
  header.version = NFNETLINK_V0;
  message.append(header);
  const Status asked = socket->ask(message, "ask nf_tables for its generation");
  const int err = asked ? 0 : asked.error().sys_errno();
  if (err == EINVAL || err == EOPNOTSUPP) {
    return Error(Errc::kHost, kNoTables).with_hint(kLoadModule);
  }
  return asked;
}

struct Answer {
  bool done = false;
  std::string output;
  /// Each of nft's lines behind the other.
  std::string error;
};

/// nft's own words without the drawing of where in the commands it happened.
std::string without_quotations(const std::string& error) {
  std::string words;
  for (const std::string& line : split(error, '\n')) {
    const std::size_t start = line.find("Error: ");
    if (start != std::string::npos) {
      words += (words.empty() ? "" : "; ") + escape(line.substr(start + 7));
    }
  }
  return words.empty() ? escape(error) : words;
}

}  // namespace

class LibNft::Context {
 public:
  static Result<std::unique_ptr<Context>> make() {
    const NftLibrary& nft = *MOSB_TRY(nft_library());
    MOSB_CHECK(check_kernel());
    auto made = std::unique_ptr<Context>(new Context(nft));
    nft_ctx* const context = made->context_.get();
    if (context == nullptr || nft.buffer_output(context) != 0 || nft.buffer_error(context) != 0) {
      return Error(Errc::kResource, "no memory for nftables");
    }
    return made;
  }

  Answer run(const std::string& commands, unsigned flags) {
    nft_.output_set_flags(context_.get(), flags);
    Answer answer;
    answer.done = nft_.run(context_.get(), commands.c_str()) == 0;
    // Asking for it also empties the buffer.
    const char* const output = nft_.output(context_.get());
    const char* const error = nft_.error(context_.get());
    answer.output = output == nullptr ? "" : output;
    answer.error = error == nullptr ? "" : error;
    return answer;
  }

 private:
  explicit Context(const NftLibrary& nft)
      : nft_(nft), context_(nft.ctx_new(NFT_CTX_DEFAULT), nft.ctx_free) {}

  const NftLibrary& nft_;
  std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context_;
};

LibNft::LibNft() = default;
LibNft::~LibNft() = default;

Result<LibNft::Context*> LibNft::context() {
  if (!context_) {
    context_ = MOSB_TRY(Context::make());
  }
  return context_.get();
}

Status LibNft::run(const std::string& commands) {
  const Answer answer = MOSB_TRY(context())->run(commands, 0);
  if (!answer.done) {
    return Error(Errc::kNetSetup, "nftables: " + without_quotations(answer.error));
  }
  return ok();
}

Result<std::string> LibNft::list(const std::string& command, bool as_json) {
  // Names of protocols would be looked up in /etc/protocols, one by one.
  const unsigned flags = as_json ? NFT_CTX_OUTPUT_JSON : NFT_CTX_OUTPUT_NUMERIC_PROTO;
  const Answer answer = MOSB_TRY(context())->run(command, flags);
  if (!answer.done) {
    if (answer.error.find("No such file or directory") != std::string::npos) {
      return std::string();
    }
    return Error(Errc::kNetSetup, "nftables: " + command + ": " + without_quotations(answer.error));
  }
  return answer.output;
}

}  // namespace mosb::net
