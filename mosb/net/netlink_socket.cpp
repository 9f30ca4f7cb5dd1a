#include "mosb/net/netlink_socket.h"

#include <netlink/errno.h>
#include <sys/socket.h>

#include "mosb/base/text.h"

namespace mosb::net {

namespace {

struct Conversation {
  const NlLibrary* nl;
  const NetlinkSocket::Take* take;
  bool ended = false;
  /// What the kernel refused with, negative errno, and in which words if it has any.
  int error = 0;
  std::string words;
};

int on_valid(nl_msg* message, void* conversation) {
  const auto& self = *static_cast<Conversation*>(conversation);
  if (*self.take) {
    (*self.take)(*self.nl->msg_hdr(message));
  }
  return NL_OK;
}

int on_end(nl_msg* /*message*/, void* conversation) {
  static_cast<Conversation*>(conversation)->ended = true;
  return NL_STOP;
}

/// The attributes behind a refusal (NETLINK_EXT_ACK). Since NETLINK_CAP_ACK they follow the header
/// of the request at once.
std::string words_of(const NlLibrary& nl, const nlmsgerr& refusal) {
  const auto* const answer =
      reinterpret_cast<const nlmsghdr*>(reinterpret_cast<const char*>(&refusal) - NLMSG_HDRLEN);
  if ((answer->nlmsg_flags & NLM_F_ACK_TLVS) == 0 || (answer->nlmsg_flags & NLM_F_CAPPED) == 0) {
    return "";
  }
  const nlattr* const text = nl.attr_find(nl.msg_attrdata(answer, sizeof refusal),
                                          nl.msg_attrlen(answer, sizeof refusal),
                                          NLMSGERR_ATTR_MSG);
  if (text == nullptr) {
    return "";
  }
  const std::string_view bytes(static_cast<const char*>(nl.attr_data(text)),
                               static_cast<std::size_t>(nl.attr_len(text)));
  return escape(bytes.substr(0, bytes.find('\0')));
}

int on_refusal(sockaddr_nl* /*from*/, nlmsgerr* refusal, void* conversation) {
  auto& self = *static_cast<Conversation*>(conversation);
  self.ended = true;
  self.error = refusal->error;
  self.words = words_of(*self.nl, *refusal);
  return NL_STOP;
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open(int family) {
  const NlLibrary& nl = *MOSB_TRY(nl_library());
  NetlinkSocket socket(nl, nl.socket_alloc());
  if (!socket.socket_) {
    return Error(Errc::kResource, "no memory for a netlink socket");
  }
  if (const int err = nl.connect(socket.socket_.get(), family); err < 0) {
    return Error(Errc::kHost, std::string("open a netlink socket: ") + nl.geterror(err));
  }
  // Without them refusals are numbers only; kernels before 4.12 have neither, and that is all.
  const int on = 1;
  const int fd = nl.socket_get_fd(socket.socket_.get());
  (void)::setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)::setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  return socket;
}

Status NetlinkSocket::ask(const NetlinkMessage& message,
                          const std::string& what,
                          const Take& take) {
  if (!message.is_whole()) {
    return Error(Errc::kInternal, what + ": more than a netlink message holds");
  }
  Conversation self{.nl = nl_, .take = &take, .words = {}};
  nl_sock* const socket = socket_.get();
  (void)nl_->socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &self);
  (void)nl_->socket_modify_cb(socket, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &self);
  (void)nl_->socket_modify_cb(socket, NL_CB_ACK, NL_CB_CUSTOM, on_end, &self);
  (void)nl_->socket_modify_err_cb(socket, NL_CB_CUSTOM, on_refusal, &self);
  int err = nl_->send_auto(socket, message.get());
  while (err >= 0 && !self.ended) {
    err = nl_->recvmsgs_default(socket);
  }
  if (self.error != 0) {
    const std::string words = self.words.empty() ? "" : ": " + self.words;
    return Error::sys(what + words, -self.error).as(Errc::kNetSetup);
  }
  if (err < 0) {
    return Error(err == -NLE_DUMP_INTR ? Errc::kBusy : Errc::kNetSetup,
                 what + ": " + nl_->geterror(err));
  }
  return ok();
}

}  // namespace mosb::net
