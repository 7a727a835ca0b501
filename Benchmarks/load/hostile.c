/*
 * Clients that behave badly, and the well-behaved ones beside them. Each of them runs until it is told to
 * stop, by SIGTERM or by its time, and then prints one JSON object.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A slow reader is promised so much, takes so much at a time, and has so small a window. */
#define SLOW_ANSWER (256 * 1024)
#define SLOW_SIP 64
#define SLOW_WINDOW 4096
/* So often each held connection is looked after. */
#define ROUND_NS 1000000000u
#define PATIENCE_MS 20000

static volatile sig_atomic_t is_told;

static void told(int number)
{
	(void)number;
	is_told = 1;
}

static void stop_when_told(void)
{
	if (signal(SIGTERM, told) == SIG_ERR)
		die("signal");
}

static void *room_for(uint32_t count, size_t size)
{
	void *room = calloc(count, size);

	if (room == NULL)
		die("calloc");
	return room;
}

static void open_word(void)
{
	printf("open\n");
	if (fflush(stdout) != 0)
		die("standard output");
}

/* ---- held: connections that stay and do next to nothing ---- */

static int hold_one(const struct sockaddr_in *where, bool is_slow)
{
	const struct hello hello = {.what = WHAT_RPC, .ask = 8, .answer = SLOW_ANSWER};
	const int window = SLOW_WINDOW;
	const char ask[8] = {0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		die("socket");
	if (is_slow && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window) == -1)
		die("SO_RCVBUF");
	if (connect(fd, (const struct sockaddr *)where, sizeof *where) == -1)
		die("connect");
	if (is_slow && (send(fd, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello ||
	                       send(fd, ask, sizeof ask, MSG_NOSIGNAL) != sizeof ask))
		die("send");
	return fd;
}

/* Takes a sip; whether the connection is still there. */
static bool is_alive(int fd, bool is_slow)
{
	char sip[SLOW_SIP];
	ssize_t n = recv(fd, sip, sizeof sip, MSG_DONTWAIT);

	if (n > 0 && !is_slow)
		fail("somebody spoke who had nothing to say");
	return n > 0 || (n == -1 && errno == EAGAIN);
}

int hold(const struct sockaddr_in *where, uint32_t count, bool is_slow)
{
	int *all = room_for(count, sizeof *all);
	uint32_t ended = 0;

	stop_when_told();
	for (uint32_t i = 0; i < count; i++)
		all[i] = hold_one(where, is_slow);
	open_word();
	while (!is_told) {
		uint64_t began_ns = now_ns();

		for (uint32_t i = 0; i < count && !is_told; i++) {
			if (all[i] == -1 || is_alive(all[i], is_slow))
				continue;
			(void)close(all[i]); /* it was a socket and is gone */
			all[i] = -1;
			ended++;
		}
		while (!is_told && now_ns() - began_ns < ROUND_NS)
			(void)usleep(10000); /* a signal may cut it short */
	}
	printf("{\"held\":%u,\"ended\":%u}\n", count, ended);
	return 0;
}

/* ---- scan: connect, and reset at once ---- */

int scan(const struct sockaddr_in *where, uint32_t count)
{
	const struct linger reset = {.l_onoff = 1};
	uint64_t began_ns = now_ns();
	uint32_t done = 0;

	stop_when_told();
	for (; done < count && !is_told; done++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd == -1 || connect(fd, (const struct sockaddr *)where, sizeof *where) == -1)
			die("connect");
		if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == -1)
			die("SO_LINGER");
		/* Half of them say something first, so that it is known of on both sides. */
		if (done % 2 == 1 && send(fd, "GET", 3, MSG_NOSIGNAL) != 3)
			die("send");
		(void)close(fd); /* sends the reset */
	}
	printf("{\"scanned\":%u,\"seconds\":%.3f}\n", done, (double)(now_ns() - began_ns) / 1e9);
	return 0;
}

/* ---- half: connections that are asked for and never finished; whoever runs this drops the answers ---- */

int half_open(const struct sockaddr_in *where, uint32_t at_once)
{
	int *all = room_for(at_once, sizeof *all);
	uint64_t asked = 0;

	stop_when_told();
	for (uint32_t i = 0; i < at_once; i++)
		all[i] = -1;
	open_word();
	for (uint32_t i = 0; !is_told; i = (i + 1) % at_once) {
		if (all[i] != -1)
			(void)close(all[i]); /* says nothing: it was never connected */
		all[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (all[i] == -1)
			die("socket");
		if (connect(all[i], (const struct sockaddr *)where, sizeof *where) == 0)
			fail("a connection was finished: the answers are not dropped");
		if (errno != EINPROGRESS && errno != EADDRNOTAVAIL)
			die("connect");
		asked += errno == EINPROGRESS;
		if (i % 16 == 0)
			(void)usleep(1000); /* about ten thousand a second */
	}
	printf("{\"asked\":%llu}\n", (unsigned long long)asked);
	return 0;
}

/* ---- polite: some connections that ask a little, now and then ---- */

#define POLITE_ASK 256
#define POLITE_ANSWER 1024

struct polite {
	int fd;
	uint32_t missing; /* of the answer; 0 while it rests */
	uint64_t due_ns;  /* while it rests */
	uint64_t asked_ns;
};

static void polite_dial(struct polite *one, const struct sockaddr_in *where)
{
	const struct hello hello = {.what = WHAT_RPC, .ask = POLITE_ASK, .answer = POLITE_ANSWER};
	int on = 1;

	one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (one->fd == -1 || connect(one->fd, (const struct sockaddr *)where, sizeof *where) == -1)
		die("connect");
	if (setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
		die("TCP_NODELAY");
	if (send(one->fd, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
		die("send");
}

static void polite_ask(struct polite *one)
{
	static const char request[POLITE_ASK];

	one->asked_ns = now_ns();
	one->missing = POLITE_ANSWER;
	if (send(one->fd, request, sizeof request, MSG_NOSIGNAL) != sizeof request)
		die("send");
}

static void polite_hear(struct polite *one, uint64_t pause_ns)
{
	char answer[POLITE_ANSWER];
	ssize_t n = recv(one->fd, answer, one->missing, 0);

	if (n <= 0)
		fail("a well-behaved client was cut off");
	one->missing -= (uint32_t)n;
	if (one->missing > 0)
		return;
	sample(now_ns() - one->asked_ns);
	one->due_ns = one->asked_ns + pause_ns;
}

int polite(const struct sockaddr_in *where, uint32_t count, uint32_t pause_ms, uint32_t ms)
{
	struct polite *all = room_for(count, sizeof *all);
	struct pollfd *polled = room_for(count, sizeof *polled);
	uint64_t began_ns, done = 0, pause_ns = (uint64_t)pause_ms * 1000000u;

	stop_when_told();
	began_ns = now_ns();
	for (uint32_t i = 0; i < count; i++) {
		polite_dial(&all[i], where);
		all[i].due_ns = began_ns + pause_ns * i / count;
		polled[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
	}
	open_word();
	while (!is_told && now_ns() - began_ns < (uint64_t)ms * 1000000u) {
		uint64_t now = now_ns();

		if (poll(polled, count, 1) == -1 && errno != EINTR)
			die("poll");
		for (uint32_t i = 0; i < count; i++) {
			if (all[i].missing == 0 && all[i].due_ns <= now) {
				polite_ask(&all[i]);
			} else if (all[i].missing > 0 && polled[i].revents != 0) {
				polite_hear(&all[i], pause_ns);
				done += all[i].missing == 0;
			} else if (all[i].missing > 0 && now > all[i].asked_ns + PATIENCE_MS * 1000000ull) {
				fail("a well-behaved client has waited for twenty seconds");
			}
		}
	}
	report(now_ns() - began_ns, done, 0);
	return 0;
}
