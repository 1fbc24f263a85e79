// Load and target of the data-path bench: one program so light that a proxy between its two ends is the bottleneck. What bulk
// receives is thrown away in the kernel (MSG_TRUNC), without a copy.
//
//   data-load serve SOURCE_PORT ECHO_PORT      sends without end on the one port, echoes on the other; until killed
//   data-load bulk PORT STREAMS SECONDS        receives; prints bytes and seconds
//   data-load echo PORT STREAMS SECONDS PAUSE_US BYTES
//                                              one message per stream on its way, the next PAUSE_US after the start of the last;
//                                              prints messages, seconds, p50 and p99 in microseconds
//   data-load connect PORT AT_ONCE SECONDS     connects, sends a byte, awaits it, closes; prints connections, failures, seconds,
//                                              and all connections, those of the warm-up included
//   data-load idle PORT COUNT                  opens COUNT streams, a byte to and fro on each; prints "ready"; holds them until
//                                              its input ends
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOURCE_BYTES = 1 << 20, EVENTS = 256, SAMPLES_MAX = 1 << 22, FDS_MAX = 1 << 20, ECHO_BYTES_MAX = 65536 };
/** Connections that are open when the time is over have so long to end. */
enum { LAST_SECONDS = 2 };
enum { LISTENS_SOURCE = 1, LISTENS_ECHO = 2, IS_SOURCE = 3, IS_ECHO = 4 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) {
  fprintf(stderr, "data-load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(int poll, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

// ---------------------------------------------------------------------------------------------- serve

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in address = loopback(port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0) die("listen");
  return fd;
}

static void accept_all(int poll, int listener, int kind) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poll, fd, kind == IS_SOURCE ? EPOLLOUT | EPOLLIN : EPOLLIN, ((uint64_t)kind << 32) | (uint32_t)fd);
  }
}

static void serve_source(int fd) {
  static char source[SOURCE_BYTES];
  char byte;
  if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0) {
    close(fd);
    return;
  }
  for (int round = 0; round < 4; round++) {
    ssize_t sent = send(fd, source, SOURCE_BYTES, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) close(fd);
    if (sent < SOURCE_BYTES) return;
  }
}

static void serve_echo(int fd) {
  static char buffer[ECHO_BYTES_MAX];
  ssize_t got = recv(fd, buffer, sizeof buffer, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN)) close(fd);
  else if (got > 0 && send(fd, buffer, got, MSG_NOSIGNAL) != got) close(fd);
}

static void serve(int source_port, int echo_port) {
  int poll = epoll_create1(0);
  int source = listen_on(source_port), echo = listen_on(echo_port);
  watch(poll, source, EPOLLIN, ((uint64_t)LISTENS_SOURCE << 32) | (uint32_t)source);
  watch(poll, echo, EPOLLIN, ((uint64_t)LISTENS_ECHO << 32) | (uint32_t)echo);
  printf("ready\n");
  fflush(stdout);
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(poll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      int kind = events[i].data.u64 >> 32, fd = (int)(uint32_t)events[i].data.u64;
      if (kind == LISTENS_SOURCE) accept_all(poll, fd, IS_SOURCE);
      else if (kind == LISTENS_ECHO) accept_all(poll, fd, IS_ECHO);
      else if (kind == IS_SOURCE) serve_source(fd);
      else serve_echo(fd);
    }
  }
}

// ---------------------------------------------------------------------------------------------- clients

/** A connected socket; from several loopback addresses in turn, so that ports do not run out. */
static int connect_to(int port, int blocking) {
  static uint32_t turn;
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0) die("socket");
  struct sockaddr_in from = loopback(0), to = loopback(port);
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % 64);
  setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0) die("bind");
  if (!blocking) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) die("connect");
  return fd;
}

static void bulk(int port, int streams, double seconds) {
  int poll = epoll_create1(0);
  for (int i = 0; i < streams; i++) {
    int fd = connect_to(port, 1);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    watch(poll, fd, EPOLLIN, fd);
  }
  struct epoll_event events[EVENTS];
  uint64_t bytes = 0;
  double warm = now() + seconds / 4, begin = 0, end = warm + seconds;
  for (double at = now(); at < end; at = now()) {
    if (begin == 0 && at >= warm) begin = at, bytes = 0;
    int count = epoll_wait(poll, events, EVENTS, 100);
    for (int i = 0; i < count; i++) {
      ssize_t got = recv(events[i].data.fd, NULL, 4 << 20, MSG_TRUNC | MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN)) die("a bulk stream ended");
      if (got > 0) bytes += got;
    }
  }
  printf("{\"bytes\":%llu,\"seconds\":%.6f}\n", (unsigned long long)bytes, now() - begin);
}

static int compare_floats(const void *a, const void *b) {
  float one = *(const float *)a, other = *(const float *)b;
  return (one > other) - (one < other);
}

static void echo(int port, int streams, double seconds, double pause, int bytes) {
  static char message[ECHO_BYTES_MAX];
  int poll = epoll_create1(0), *fds = calloc(streams, sizeof *fds), *got = calloc(streams, sizeof *got);
  double *sent = calloc(streams, sizeof *sent), *due = calloc(streams, sizeof *due);
  float *samples = malloc(SAMPLES_MAX * sizeof *samples);
  uint64_t messages = 0;
  double begin = now() + seconds / 4, end = begin + seconds;
  for (int i = 0; i < streams; i++) {
    fds[i] = connect_to(port, 1);
    fcntl(fds[i], F_SETFL, O_NONBLOCK);
    watch(poll, fds[i], EPOLLIN, i);
    // Spread over the pause, so that they do not come in one volley.
    due[i] = now() + pause * i / streams;
    sent[i] = 0;
  }
  struct epoll_event events[EVENTS];
  for (double at = now(); at < end; at = now()) {
    double next = at + 0.1;
    for (int i = 0; i < streams; i++) {
      if (sent[i] != 0) continue;
      if (due[i] <= at) {
        if (send(fds[i], message, bytes, MSG_NOSIGNAL) != bytes) die("send");
        // With a pause the clock starts when the message was due, so that a late one counts as slow.
        sent[i] = pause > 0 ? due[i] : at;
        got[i] = 0;
      } else if (due[i] < next) {
        next = due[i];
      }
    }
    struct timespec wait = {.tv_nsec = (long)((next > at ? next - at : 0) * 1e9)};
    int count = epoll_pwait2(poll, events, EVENTS, &wait, NULL);
    for (int e = 0; e < count; e++) {
      int i = events[e].data.u64;
      ssize_t read = recv(fds[i], message, bytes - got[i], 0);
      if (read <= 0) die("an echo stream ended");
      got[i] += read;
      if (got[i] < bytes) continue;
      double back = now();
      if (back >= begin && messages < SAMPLES_MAX) samples[messages++] = (float)((back - sent[i]) * 1e6);
      due[i] = pause > 0 ? due[i] + pause : 0;
      sent[i] = 0;
    }
  }
  double elapsed = now() - begin;
  if (messages == 0) die("no echo came back");
  qsort(samples, messages, sizeof *samples, compare_floats);
  printf("{\"messages\":%llu,\"seconds\":%.6f,\"p50Us\":%.1f,\"p99Us\":%.1f}\n", (unsigned long long)messages, elapsed,
         samples[messages / 2], samples[messages * 99 / 100]);
}

static void connects(int port, int at_once, double seconds) {
  int poll = epoll_create1(0), open = 0;
  static uint8_t has_sent[FDS_MAX];
  struct epoll_event events[EVENTS];
  uint64_t done = 0, failed = 0, all = 0, counted = 0;
  double warm = now() + seconds / 4, begin = 0, end = warm + seconds, ended = 0;
  // Those that are open at the end are seen through: cut off they would be resets, which cost a proxy something else.
  for (double at = now(); at < end || (open > 0 && at < end + LAST_SECONDS); at = now()) {
    if (begin == 0 && at >= warm) begin = at, done = failed = 0;
    if (ended == 0 && at >= end) ended = at, counted = done;
    for (; at < end && open < at_once; open++) {
      int fd = connect_to(port, 0);
      has_sent[fd] = 0;
      watch(poll, fd, EPOLLOUT, fd);
    }
    int count = epoll_wait(poll, events, EVENTS, 100);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      char byte = 'c';
      if (!has_sent[fd] && send(fd, &byte, 1, MSG_NOSIGNAL) == 1) {
        has_sent[fd] = 1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_MOD, fd, &event);
        continue;
      }
      all++;
      if (has_sent[fd] && recv(fd, &byte, 1, 0) == 1) done++;
      else failed++;
      close(fd);
      open--;
    }
  }
  if (ended == 0) ended = now(), counted = done;
  printf("{\"connections\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"all\":%llu}\n", (unsigned long long)counted,
         (unsigned long long)failed, ended - begin, (unsigned long long)all);
}

static void idle(int port, int count) {
  for (int i = 0; i < count; i++) {
    int fd = connect_to(port, 1);
    char byte = 'i';
    if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1) die("an idle stream did not answer");
  }
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  const char *deed = count > 1 ? words[1] : "";
  if (count == 4 && !strcmp(deed, "serve")) serve(atoi(words[2]), atoi(words[3]));
  else if (count == 5 && !strcmp(deed, "bulk")) bulk(atoi(words[2]), atoi(words[3]), atof(words[4]));
  else if (count == 7 && !strcmp(deed, "echo"))
    echo(atoi(words[2]), atoi(words[3]), atof(words[4]), atof(words[5]) / 1e6, atoi(words[6]));
  else if (count == 5 && !strcmp(deed, "connect")) connects(atoi(words[2]), atoi(words[3]), atof(words[4]));
  else if (count == 4 && !strcmp(deed, "idle")) idle(atoi(words[2]), atoi(words[3]));
  else {
    fprintf(stderr, "data-load: serve | bulk | echo | connect | idle, see the first lines of its source\n");
    return 2;
  }
  return 0;
}
