/* A service for tests of networks, and its client.
 *   answer serve NAME PORT [ADDRESS]   says NAME to whoever connects to or sends to the port, with
 *                                      the address that the asker has: "NAME ADDRESS"
 *   answer ask tcp|udp HOST PORT       prints what is said there; status 1 after two seconds */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_socket(const char* address, const char* port, int type) {
  struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST, .ai_socktype = type};
  struct addrinfo* found = NULL;
  const int on = 1;
  if (getaddrinfo(address, port, &hints, &found) != 0) {
    exit(2);
  }
  const int fd = socket(found->ai_family, type, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 ||
      (type == SOCK_STREAM && listen(fd, 64) != 0)) {
    perror("answer");
    exit(2);
  }
  return fd;
}

static int text_for(
    char* text, size_t size, const char* name, const struct sockaddr* who, socklen_t length) {
  char address[64] = "?";
  getnameinfo(who, length, address, sizeof address, NULL, 0, NI_NUMERICHOST);
  const char* plain = strncmp(address, "::ffff:", 7) == 0 ? address + 7 : address;
  return snprintf(text, size, "%s %s\n", name, plain);
}

static int serve(const char* name, const char* port, const char* address) {
  struct pollfd fds[2] = {{open_socket(address, port, SOCK_DGRAM), POLLIN, 0},
                          {open_socket(address, port, SOCK_STREAM), POLLIN, 0}};
  for (;;) {
    struct sockaddr_storage who;
    socklen_t length = sizeof who;
    char text[128];
    poll(fds, 2, -1);
    if (fds[0].revents != 0) {
      if (recvfrom(fds[0].fd, text, sizeof text, 0, (struct sockaddr*)&who, &length) >= 0) {
        const int n = text_for(text, sizeof text, name, (struct sockaddr*)&who, length);
        sendto(fds[0].fd, text, (size_t)n, 0, (struct sockaddr*)&who, length);
      }
    }
    length = sizeof who;
    if (fds[1].revents != 0) {
      const int fd = accept(fds[1].fd, (struct sockaddr*)&who, &length);
      const int n = text_for(text, sizeof text, name, (struct sockaddr*)&who, length);
      if (fd >= 0 && write(fd, text, (size_t)n) >= 0) {
        shutdown(fd, SHUT_WR);
      }
      close(fd);
    }
  }
}

static int ask(const char* protocol, const char* host, const char* port) {
  const int type = strcmp(protocol, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
  struct addrinfo hints = {.ai_socktype = type};
  struct addrinfo* found = NULL;
  char text[128];
  alarm(2);
  if (getaddrinfo(host, port, &hints, &found) != 0) {
    fprintf(stderr, "answer: no address of %s\n", host);
    return 1;
  }
  const int fd = socket(found->ai_family, type, 0);
  if (connect(fd, found->ai_addr, found->ai_addrlen) != 0 ||
      (type == SOCK_DGRAM && write(fd, "x", 1) != 1)) {
    perror("answer");
    return 1;
  }
  const ssize_t n = read(fd, text, sizeof text);
  if (n <= 0) {
    perror("answer");
    return 1;
  }
  return write(1, text, (size_t)n) == n ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc >= 4 && strcmp(argv[1], "serve") == 0) {
    return serve(argv[2], argv[3], argc > 4 ? argv[4] : "::");
  }
  if (argc == 5 && strcmp(argv[1], "ask") == 0) {
    return ask(argv[2], argv[3], argv[4]);
  }
  fprintf(stderr, "usage: answer serve NAME PORT [ADDRESS] | answer ask tcp|udp HOST PORT\n");
  return 2;
}
