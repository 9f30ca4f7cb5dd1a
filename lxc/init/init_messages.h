#pragma once

#include "lxc/init_protocol.h"

namespace mosb::lxc {

/// The descriptors that may come with a message: a spec and three streams.
constexpr int kMaxMessageFds = 4;

struct ReceivedMessage {
  InitMessage message;
  int fds[kMaxMessageFds];
  int fd_count;
  /// The sender's pid as the kernel knows it, where the socket has SO_PASSCRED; else 0.
  int sender;
};

/// Sends one message with `count` descriptors (up to kMaxMessageFds). False if the peer is gone.
bool send_message(int socket, const InitMessage& message, const int* fds = nullptr, int count = 0);
/// Receives one message. False at the end of the connection or for anything that is not a message;
/// no descriptor is kept then.
bool receive_message(int socket, ReceivedMessage* received);

}  // namespace mosb::lxc
