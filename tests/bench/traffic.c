/* Both ends of the traffic of tests/bench/network.sh.
 *   traffic serve PORT                       says a byte to whoever connects to PORT, and takes
 *                                            streams at PORT + 1
 *   traffic connect HOST PORT SECONDS COUNT  COUNT clients connect one time after the other; prints
 *                                            connections per second of all of them
 *   traffic send HOST PORT SECONDS           one stream; prints bytes per second that were taken */
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kAnswerers = 2, kChunk = 128 << 10 };
static char chunk[kChunk];

static void die(const char* what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int new_socket(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) {
    die("socket");
  }
  return fd;
}

static int listen_at(int port) {
  const int on = 1;
  const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  const int fd = new_socket();
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (const struct sockaddr*)&at, sizeof at) != 0 || listen(fd, 1024) != 0) {
    die("listen");
  }
  return fd;
}

/* Nothing of this program outlives who started it. */
static int fork_worker(void) {
  const pid_t pid = fork();
  if (pid < 0) {
    die("fork");
  }
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  }
  return pid == 0;
}

static void answer(int listener) {
  for (;;) {
    const int fd = accept(listener, NULL, NULL);
    if (fd >= 0) {
      (void)!write(fd, "x", 1);
      close(fd);
    }
  }
}

static void take(int listener) {
  for (;;) {
    const int fd = accept(listener, NULL, NULL);
    uint64_t total = 0;
    ssize_t n;
    while ((n = read(fd, chunk, kChunk)) > 0) {
      total += (uint64_t)n;
    }
    (void)!write(fd, &total, sizeof total);
    close(fd);
  }
}

static int serve(int port) {
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int answers = listen_at(port);
  const int streams = listen_at(port + 1);
  for (int i = 0; i < kAnswerers; ++i) {
    if (fork_worker()) {
      answer(answers);
    }
  }
  take(streams);
  return 0;
}

static int connect_to(const struct sockaddr_in* to) {
  const int fd = new_socket();
  if (connect(fd, (const struct sockaddr*)to, sizeof *to) != 0) {
    die("connect");
  }
  return fd;
}

/* Ended by a reset, which leaves nobody in TIME_WAIT, so that ports do not run out. */
static uint64_t count_connections(const struct sockaddr_in* to, double seconds) {
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  const double end = now() + seconds;
  uint64_t count = 0;
  for (; now() < end; ++count) {
    char byte;
    const int fd = connect_to(to);
    if (read(fd, &byte, 1) != 1) {
      die("read");
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
  }
  return count;
}

static int connect_often(const struct sockaddr_in* to, double seconds, int clients) {
  int ends[2];
  if (pipe(ends) != 0) {
    die("pipe");
  }
  const double begin = now();
  for (int i = 0; i < clients; ++i) {
    if (fork_worker()) {
      const uint64_t count = count_connections(to, seconds);
      return write(ends[1], &count, sizeof count) != sizeof count;
    }
  }
  uint64_t total = 0;
  for (int i = 0; i < clients; ++i) {
    uint64_t count;
    int status;
    if (wait(&status) < 0 || status != 0 || read(ends[0], &count, sizeof count) != sizeof count) {
      die("client");
    }
    total += count;
  }
  printf("%.0f\n", (double)total / (now() - begin));
  return 0;
}

static int send_stream(const struct sockaddr_in* to, double seconds) {
  const int fd = connect_to(to);
  const double begin = now();
  while (now() < begin + seconds) {
    if (write(fd, chunk, kChunk) < 0) {
      die("write");
    }
  }
  uint64_t total;
  shutdown(fd, SHUT_WR);
  if (read(fd, &total, sizeof total) != sizeof total) {
    die("read");
  }
  printf("%.0f\n", (double)total / (now() - begin));
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) {
    return serve(atoi(argv[2]));
  }
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (argc >= 5 && inet_pton(AF_INET, argv[2], &to.sin_addr) == 1) {
    to.sin_port = htons((uint16_t)atoi(argv[3]));
    if (argc == 6 && strcmp(argv[1], "connect") == 0) {
      return connect_often(&to, atof(argv[4]), atoi(argv[5]));
    }
    if (argc == 5 && strcmp(argv[1], "send") == 0) {
      return send_stream(&to, atof(argv[4]));
    }
  }
  fprintf(stderr,
          "usage: traffic serve PORT | connect HOST PORT SECONDS COUNT |"
          " send HOST PORT SECONDS\n");
  return 2;
}
