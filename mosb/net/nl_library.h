#pragma once

#include <netlink/attr.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "mosb/base/shared_library.h"

/// The functions of libnl that mosb calls, and their names here.
// clang-format off
#define MOSB_NL_FUNCTIONS(use) \
  use(nl_socket_alloc, socket_alloc) \
  use(nl_socket_free, socket_free) \
  use(nl_socket_get_fd, socket_get_fd) \
  use(nl_socket_modify_cb, socket_modify_cb) \
  use(nl_socket_modify_err_cb, socket_modify_err_cb) \
  use(nl_connect, connect) \
  use(nl_send_auto, send_auto) \
  use(nl_recvmsgs_default, recvmsgs_default) \
  use(nl_geterror, geterror) \
  use(nlmsg_alloc_simple, msg_alloc_simple) \
  use(nlmsg_free, msg_free) \
  use(nlmsg_append, msg_append) \
  use(nlmsg_hdr, msg_hdr) \
  use(nla_put, attr_put) \
  use(nla_nest_start, attr_nest_start) \
  use(nla_nest_end, attr_nest_end) \
  use(nla_find, attr_find) \
  use(nla_data, attr_data) \
  use(nla_len, attr_len) \
  use(nlmsg_data, msg_data) \
  use(nlmsg_attrdata, msg_attrdata) \
  use(nlmsg_attrlen, msg_attrlen)
// clang-format on

namespace mosb::net {

struct NlLibrary {
  MOSB_NL_FUNCTIONS(MOSB_LIBRARY_MEMBER)
};

/// The library, loaded once and never unloaded.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const NlLibrary*> nl_library();

}  // namespace mosb::net
