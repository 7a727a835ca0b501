/*
 * The least that a proxy can do for requests: wait, read, write, in as many threads as there are processors.
 * It chooses nothing, watches nothing and keeps nothing; what it costs is what TCP costs, and what any other
 * costs more is its own. Only for messages that the sockets take whole: a write waits until it is done.
 */
#include "load.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOOPS_MAX 4
#define BATCH 128
#define BUFFER 16384

struct side {
	int fd;
	bool has_ended;
	struct side *other;
};

struct pair {
	struct side sides[2];
	struct pair *next; /* of those that are over */
};

static bool pass_on(struct side *from, char *buffer)
{
	ssize_t got;

	do {
		got = recv(from->fd, buffer, BUFFER, MSG_DONTWAIT);
		if (got == -1)
			return errno == EAGAIN;
		if (got == 0 || send(from->other->fd, buffer, (size_t)got, 0) != got)
			return false;
	} while (got == BUFFER);
	return true;
}

/* True: the other way has ended too. */
static bool end_stream(struct side *from)
{
	from->has_ended = true;
	/* It fails where the other side is gone, which then ends by itself. */
	(void)shutdown(from->other->fd, SHUT_WR);
	return from->other->has_ended;
}

static void serve_events(struct epoll_event *events, int count, char *buffer)
{
	struct pair *over = NULL, *next;

	for (int i = 0; i < count; i++) {
		struct side *from = events[i].data.ptr;
		struct pair *pair = (struct pair *)(from < from->other ? from : from->other);

		if (from->has_ended || pass_on(from, buffer) || !end_stream(from))
			continue;
		pair->next = over;
		over = pair;
	}
	for (; over != NULL; over = next) { /* not before: the batch may name it twice */
		next = over->next;
		close(over->sides[0].fd);
		close(over->sides[1].fd);
		free(over);
	}
}

static void *run_loop(void *argument)
{
	const int *epoll = argument;
	struct epoll_event events[BATCH];
	char *buffer = malloc(BUFFER);

	if (buffer == NULL)
		die("malloc");
	for (;;)
		serve_events(events, epoll_wait(*epoll, events, BATCH, -1), buffer);
}

static void prepare(int fd)
{
	int one = 1;

	if (fd == -1)
		die("socket");
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == -1 ||
	        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno")) == -1)
		die("setsockopt");
}

static void join(int downstream, const struct sockaddr_in *where, int epoll)
{
	struct pair *pair = calloc(1, sizeof *pair);
	int upstream = socket(AF_INET, SOCK_STREAM, 0);

	prepare(upstream);
	if (pair == NULL || connect(upstream, (const struct sockaddr *)where, sizeof *where) == -1)
		die("connect");
	pair->sides[0] = (struct side){.fd = downstream, .other = &pair->sides[1]};
	pair->sides[1] = (struct side){.fd = upstream, .other = &pair->sides[0]};
	for (int i = 0; i < 2; i++) {
		struct epoll_event event = {
		        .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = &pair->sides[i]};

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, pair->sides[i].fd, &event) == -1)
			die("epoll_ctl");
	}
}

static int listen_at(uint32_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_port = htons((uint16_t)port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	prepare(fd); /* what is accepted has the same */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == -1 ||
	        bind(fd, (struct sockaddr *)&address, sizeof address) == -1 || listen(fd, 4096) == -1)
		die("listen");
	return fd;
}

static unsigned processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == -1)
		die("sched_getaffinity");
	return CPU_COUNT(&set) < LOOPS_MAX ? (unsigned)CPU_COUNT(&set) : LOOPS_MAX;
}

_Noreturn void bare(const struct sockaddr_in *where, uint32_t port)
{
	static int epolls[LOOPS_MAX];
	unsigned loops = processors();
	int listener = listen_at(port);
	pthread_t thread;

	for (unsigned i = 0; i < loops; i++) {
		epolls[i] = epoll_create1(0);
		if (epolls[i] == -1 || pthread_create(&thread, NULL, run_loop, &epolls[i]) != 0)
			die("a loop");
	}
	for (unsigned i = 0;; i++) {
		int downstream = accept(listener, NULL, NULL);

		if (downstream == -1)
			die("accept");
		join(downstream, where, epolls[i % loops]);
	}
}
