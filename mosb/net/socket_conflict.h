#pragma once

#include "mosb/net/socket_table.h"

namespace mosb::net {

/// Whether a socket of the host would no longer get what is sent to it with the forward in place.
bool conflicts(const ListeningSocket& socket, const PortForward& forward);

}  // namespace mosb::net
