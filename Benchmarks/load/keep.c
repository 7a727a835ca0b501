/*
 * Sessions with a real etcd cluster that stay, ask and compare every byte, for as long as somebody kills,
 * freezes and replaces what is behind them. Whoever runs this knows when it did so, and judges each line:
 *
 *   ended AT_NS AGE_MS MEMBER PHASE ERRNO     a session was ended by the other side; 0 instead of an errno:
 * an end of stream refused AT_NS ERRNO                       a connection was refused wrong AT_NS AGE_MS
 * MEMBER PHASE           an answer that is not what was put stuck AT_NS AGE_MS MEMBER PHASE           nothing
 * came for a minute and a half tally AT_NS OPEN REQUESTS BYTES UNHAPPY CLOSED   every second, and at the end
 *
 * AT_NS is CLOCK_MONOTONIC. MEMBER is the number of the member that answers the session, 0 while that is not
 * known. UNHAPPY counts answers such as "no leader", after which another key is used, for what was put may
 * still be done later. At SIGTERM each session finishes its request and closes.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 256
#define TICK_MS 5
#define PATIENCE_NS 90000000000ull
#define SECOND_NS 1000000000ull
#define KEY_BYTES 24
#define VALUE_MAX (96 * 1024)

enum phase { PHASE_AWAY, PHASE_CONNECTS, PHASE_WHO, PHASE_PUT, PHASE_GET, PHASE_RESTS };
enum kind { KIND_FRESH, KIND_BUSY, KIND_LEISURELY, KIND_IDLE };

struct session {
	int fd;
	uint32_t number, generation, round;
	enum kind kind;
	enum phase phase;
	uint64_t random, member;
	uint64_t born_ns, asked_ns;
	uint64_t due_ns;      /* away or at rest: when it goes on */
	uint64_t write_at_ns; /* it makes a pause in the middle of a request */
	uint64_t read_at_ns;  /* it takes its time with an answer */
	size_t pause_at, sip; /* 0: without a pause; all at once */
	uint32_t life, gets;  /* requests until it closes; reads until it puts again */
	bool is_readable, has_value;
	char key[KEY_BYTES];
	char *value;
	size_t value_length;
	char *request;
	size_t request_length, sent;
	struct answer answer;
};

static struct {
	struct sockaddr_in where;
	int epoll;
	uint32_t open, seed;
	uint64_t requests, bytes, unhappy, closed;
	volatile sig_atomic_t is_told;
} all;

static void told(int number)
{
	(void)number;
	all.is_told = 1;
}

static uint64_t draw(struct session *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (s->random * 0x2545F4914F6CDD1Dull >> 16) % below;
}

static uint64_t age_ms(const struct session *s)
{
	return (now_ns() - s->born_ns) / 1000000;
}

static void tally(void)
{
	printf("tally %llu %u %llu %llu %llu %llu\n", (unsigned long long)now_ns(), all.open,
	        (unsigned long long)all.requests, (unsigned long long)all.bytes,
	        (unsigned long long)all.unhappy, (unsigned long long)all.closed);
	if (fflush(stdout) != 0)
		die("standard output");
}

static void tell(const struct session *s, const char *what, const char *more)
{
	printf("%s %llu %llu %llu %d%s\n", what, (unsigned long long)now_ns(), (unsigned long long)age_ms(s),
	        (unsigned long long)s->member, s->phase, more);
}

/* ---- beginning and end ---- */

static void leave(struct session *s, uint64_t away_ns)
{
	(void)close(s->fd); /* a socket of ours */
	all.open--;
	s->fd = -1;
	s->phase = PHASE_AWAY;
	s->due_ns = now_ns() + away_ns;
}

static void cut_off(struct session *s, int error)
{
	char more[16];

	(void)snprintf(more, sizeof more, " %d", error);
	tell(s, "ended", more);
	leave(s, 20000000u + draw(s, 200000000u));
}

static void connect_it(struct session *s)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};
	int on = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1 || setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
		die("socket");
	all.open++;
	s->generation++;
	s->born_ns = s->asked_ns = now_ns();
	s->member = 0;
	s->has_value = s->is_readable = false;
	s->phase = PHASE_CONNECTS;
	s->life = s->kind == KIND_FRESH  ? 1 + (uint32_t)draw(s, 3)
	          : s->kind == KIND_BUSY ? 200 + (uint32_t)draw(s, 2000)
	                                 : UINT32_MAX;
	if (connect(s->fd, (const struct sockaddr *)&all.where, sizeof all.where) == -1 &&
	        errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(all.epoll, EPOLL_CTL_ADD, s->fd, &event) == -1)
		die("epoll_ctl");
}

/* ---- asking ---- */

static void ask(struct session *s, enum phase phase, const char *path, const char *format, ...)
{
	va_list words;
	char *body = s->request + 256;
	int body_length, head_length;

	va_start(words, format);
	body_length = vsnprintf(body, VALUE_MAX + 128, format, words);
	va_end(words);
	head_length = snprintf(s->request, 256,
	        "POST %s HTTP/1.1\r\nHost: etcd\r\nContent-Type: application/json\r\nContent-Length: "
	        "%d\r\n\r\n",
	        path, body_length);
	memmove(s->request + head_length, body, (size_t)body_length);
	s->request_length = (size_t)head_length + (size_t)body_length;
	s->sent = 0;
	s->phase = phase;
	s->asked_ns = now_ns();
	s->write_at_ns = s->read_at_ns = 0;
	s->pause_at = draw(s, 16) == 0 ? 1 + draw(s, s->request_length - 1) : 0;
	s->sip = draw(s, 8) == 0 ? 64 + draw(s, 4096) : 0;
	answer_begin(&s->answer);
}

/* A new key wherever the last put may not be the last that is done with it. */
static void put(struct session *s)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AB";
	size_t quarters = 1 + draw(s, draw(s, 20) == 0 ? VALUE_MAX / 4 - 1 : 1024);

	s->value_length = 4 * quarters;
	for (size_t i = 0; i < s->value_length; i++)
		s->value[i] = alphabet[draw(s, 64)];
	s->value[s->value_length] = 0;
	/* Hexadecimal digits are base64 as well. */
	(void)snprintf(
	        s->key, sizeof s->key, "%04x%04x%08x", all.seed & 0xFFFF, s->number & 0xFFFF, s->generation);
	s->gets = 1 + (uint32_t)draw(s, 8);
	s->round++;
	ask(s, PHASE_PUT, "/v3/kv/put", "{\"key\":\"%s\",\"value\":\"%s\"}", s->key, s->value);
}

static void ask_next(struct session *s)
{
	if (s->member == 0) {
		ask(s, PHASE_WHO, "/v3/maintenance/status", "{}");
	} else if (!s->has_value || s->gets == 0) {
		put(s);
	} else {
		s->gets--;
		ask(s, PHASE_GET, "/v3/kv/range", "{\"key\":\"%s\"}", s->key);
	}
}

static uint64_t rest_ns(struct session *s)
{
	switch (s->kind) {
	case KIND_FRESH:
	case KIND_BUSY:
		return draw(s, 100000000u);
	case KIND_LEISURELY:
		return SECOND_NS / 2 + draw(s, 2 * SECOND_NS);
	case KIND_IDLE:
		return 20 * SECOND_NS + draw(s, 40 * SECOND_NS);
	}
	return 0;
}

/* ---- judging ---- */

static void unhappy(struct session *s)
{
	all.unhappy++;
	s->generation++;
	s->has_value = false;
	s->due_ns = now_ns() + 300000000u;
}

static void judge(struct session *s)
{
	size_t length = 0;
	const char *text;

	if (!s->answer.is_good) {
		unhappy(s);
	} else if (s->phase == PHASE_WHO) {
		text = answer_text(&s->answer, "\"member_id\":\"", &length);
		s->member = text == NULL ? 0 : strtoull(text, NULL, 10);
	} else if (s->phase == PHASE_PUT) {
		s->has_value = true;
	} else {
		text = answer_text(&s->answer, "\"value\":\"", &length);
		if (text == NULL || length != s->value_length || memcmp(text, s->value, length) != 0) {
			tell(s, "wrong", "");
			s->has_value = false;
			s->generation++;
		}
	}
}

static void answered(struct session *s)
{
	all.requests++;
	all.bytes += s->request_length + s->answer.length;
	s->due_ns = now_ns() + (s->member == 0 ? 0 : rest_ns(s));
	judge(s);
	s->phase = PHASE_RESTS;
	if (s->life > 0)
		s->life--;
	if (s->life == 0 || s->answer.is_last || all.is_told) {
		all.closed++;
		leave(s, draw(s, 50000000u));
	}
}

/* ---- moving ---- */

static void write_some(struct session *s)
{
	while (s->sent < s->request_length && now_ns() >= s->write_at_ns) {
		size_t end = s->sent < s->pause_at ? s->pause_at : s->request_length;
		ssize_t n = send(s->fd, s->request + s->sent, end - s->sent, MSG_NOSIGNAL);

		if (n == -1 && errno != EAGAIN)
			cut_off(s, errno);
		if (n == -1)
			return;
		s->sent += (size_t)n;
		if (s->pause_at > 0 && s->sent == s->pause_at)
			s->write_at_ns = now_ns() + draw(s, 2 * SECOND_NS);
	}
}

static void read_some(struct session *s)
{
	while (s->fd != -1 && s->is_readable && now_ns() >= s->read_at_ns) {
		size_t room;
		char *to = answer_room(&s->answer, &room);
		ssize_t n = recv(s->fd, to, s->sip > 0 && s->sip < room ? s->sip : room, 0);

		if (n == -1 && errno == EAGAIN) {
			s->is_readable = false;
			return;
		}
		if (n <= 0) {
			cut_off(s, n == 0 ? 0 : errno);
			return;
		}
		if (s->phase == PHASE_RESTS)
			fail("an answer without a question");
		answer_came(&s->answer, (size_t)n);
		if (s->sip > 0)
			s->read_at_ns = now_ns() + draw(s, 20000000u);
		if (answer_is_whole(&s->answer))
			answered(s);
	}
}

/* What can be done now, is. */
static void step(struct session *s)
{
	uint64_t now = now_ns();

	if (s->phase == PHASE_AWAY && !all.is_told && now >= s->due_ns)
		connect_it(s);
	if (s->phase == PHASE_AWAY || s->phase == PHASE_CONNECTS)
		return;
	if (s->phase == PHASE_RESTS && all.is_told) {
		all.closed++;
		leave(s, 0);
		return;
	}
	if (s->phase == PHASE_RESTS && now >= s->due_ns)
		ask_next(s);
	if (s->phase != PHASE_RESTS)
		write_some(s);
	read_some(s);
	if (s->fd != -1 && s->phase != PHASE_RESTS && now > s->asked_ns + PATIENCE_NS) {
		tell(s, "stuck", "");
		leave(s, SECOND_NS);
	}
}

static void ready(struct session *s, uint32_t events)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (s->phase == PHASE_CONNECTS) {
		if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &length) == -1)
			die("SO_ERROR");
		if (error != 0 && error != ECONNREFUSED) {
			cut_off(s, error); /* it was connected and reset before we have seen it */
			return;
		}
		if (error != 0) {
			printf("refused %llu %d\n", (unsigned long long)now_ns(), error);
			leave(s, SECOND_NS / 10);
			return;
		}
		if (events & EPOLLOUT)
			ask_next(s);
	}
	s->is_readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	step(s);
}

static struct session *make(uint32_t count)
{
	static const enum kind kinds[] = {KIND_FRESH, KIND_BUSY, KIND_BUSY, KIND_LEISURELY, KIND_LEISURELY,
	        KIND_IDLE, KIND_IDLE, KIND_IDLE, KIND_IDLE, KIND_IDLE};
	struct session *sessions = calloc(count, sizeof *sessions);

	if (sessions == NULL)
		die("calloc");
	for (uint32_t i = 0; i < count; i++) {
		struct session *s = &sessions[i];

		s->fd = -1;
		s->number = i;
		s->kind = kinds[i % 10];
		s->random = 0x9E3779B97F4A7C15ull * (all.seed + 1) ^ (0xD1B54A32D192ED03ull * (i + 1));
		s->value = malloc(VALUE_MAX + 1);
		s->request = malloc(VALUE_MAX + 1024);
		if (s->value == NULL || s->request == NULL)
			die("malloc");
		s->due_ns = now_ns() + draw(s, 2 * SECOND_NS);
	}
	return sessions;
}

int keep(const struct sockaddr_in *where, uint32_t count, uint32_t seed)
{
	struct epoll_event events[BATCH];
	struct session *sessions;
	uint64_t told_ns = now_ns(), looked_ns = 0;

	all.where = *where;
	all.seed = seed;
	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (all.epoll == -1 || signal(SIGTERM, told) == SIG_ERR)
		die("epoll_create1");
	sessions = make(count);
	while (!all.is_told || all.open > 0) {
		int got = epoll_wait(all.epoll, events, BATCH, TICK_MS);

		if (got == -1 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < got; i++)
			ready(events[i].data.ptr, events[i].events);
		if (now_ns() - looked_ns < TICK_MS * 1000000u)
			continue;
		looked_ns = now_ns();
		for (uint32_t i = 0; i < count; i++)
			step(&sessions[i]);
		if (looked_ns - told_ns < SECOND_NS)
			continue;
		told_ns = looked_ns;
		tally();
	}
	tally();
	return 0;
}
