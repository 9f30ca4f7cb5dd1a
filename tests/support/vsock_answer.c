/* A service at a vsock, and its client.
 *   vsock_answer serve NAME PORT   says NAME to whoever connects, with the CID that the asker has
 *   vsock_answer ask CID PORT      prints what is said there; status 1 after ten seconds */
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_vm place(unsigned cid, const char* port) {
  const struct sockaddr_vm out = {
      .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = (unsigned)strtoul(port, NULL, 10)};
  return out;
}

static int serve(const char* name, const char* port) {
  const struct sockaddr_vm here = place(VMADDR_CID_ANY, port);
  const int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (const struct sockaddr*)&here, sizeof here) != 0 ||
      listen(listener, 8) != 0) {
    perror("vsock_answer");
    return 2;
  }
  for (;;) {
    struct sockaddr_vm who;
    socklen_t length = sizeof who;
    const int fd = accept(listener, (struct sockaddr*)&who, &length);
    if (fd < 0 || dprintf(fd, "%s %u\n", name, who.svm_cid) < 0) {
      perror("vsock_answer");
    }
    close(fd);
  }
}

static int ask(const char* cid, const char* port) {
  const struct sockaddr_vm there = place((unsigned)strtoul(cid, NULL, 10), port);
  char text[128];
  alarm(10);
  const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr*)&there, sizeof there) != 0) {
    perror("vsock_answer");
    return 1;
  }
  const ssize_t n = read(fd, text, sizeof text);
  if (n <= 0) {
    perror("vsock_answer");
    return 1;
  }
  return write(1, text, (size_t)n) == n ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "serve") == 0) {
    return serve(argv[2], argv[3]);
  }
  if (argc == 4 && strcmp(argv[1], "ask") == 0) {
    return ask(argv[2], argv[3]);
  }
  fprintf(stderr, "usage: vsock_answer serve NAME PORT | vsock_answer ask CID PORT\n");
  return 2;
}
