#include "lxc/init/init_messages.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <unistd.h>

namespace mosb::lxc {

namespace {

void take_control(const msghdr& header, ReceivedMessage* received) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
      received->sender = sender.pid;
    }
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      if (received->fd_count < kMaxMessageFds) {
        received->fds[received->fd_count++] = fd;
      } else {
        ::close(fd);
      }
    }
  }
}

}  // namespace

bool send_message(int socket, const InitMessage& message, const int* fds, int count) {
  iovec part{const_cast<InitMessage*>(&message), sizeof message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxMessageFds * sizeof(int))] = {};
  if (count > 0 && count <= kMaxMessageFds) {
    const std::size_t size = static_cast<std::size_t>(count) * sizeof(int);
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(size);
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(rights), fds, size);
  }
  ssize_t n = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR) {
    n = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  }
  return n == sizeof message;
}

bool receive_message(int socket, ReceivedMessage* received) {
  *received = ReceivedMessage{};
  iovec part{&received->message, sizeof received->message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char
      control[CMSG_SPACE(kMaxMessageFds * sizeof(int)) + CMSG_SPACE(sizeof(ucred))] = {};
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR) {
    n = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  }
  if (n >= 0) {
    take_control(header, received);
  }
  if (n != sizeof received->message || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    for (int i = 0; i < received->fd_count; ++i) {
      ::close(received->fds[i]);
    }
    received->fd_count = 0;
    return false;
  }
  return true;
}

}  // namespace mosb::lxc
