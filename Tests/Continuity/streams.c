/*
 * Sessions through a gateway, seen from both ends, every byte compared.
 *
 *   streams GATEWAY_PORT SERVER_PORT [NAME=NUMBER…]
 *
 * It is clients and server: it listens on 127.0.0.1:SERVER_PORT, opens `sessions` connections to
 * 127.0.0.1:GATEWAY_PORT, and sends through each in both directions, in pieces of random sizes, `rate` bytes
 * a second each. Of ten sessions one ends its client's direction early, and one its server's. `resets` of a
 * hundred are reset by one of their ends, each at a random moment of the first `within` seconds. Beside them
 * one connection asks and is answered all the time (ask=0: none does), and a new one comes and goes every
 * `new` milliseconds. `buffer` is SO_SNDBUF and SO_RCVBUF of all; 0: the machine's.
 *
 * It says "streaming" when all sessions are joined. At the end of standard input all that is on its way comes
 * to its end; it prints what came of it, and its exit code says whether all was well.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PERIOD = 1048583, /* a prime: no buffer or pipe is a multiple of it */
	PIECE_MAX = 32768,
	BATCH = 256,
	END_WITHIN_MS = 30000,
	LONG_WAIT_MS = 15, /* of a client that asks: worth a line */
	HELLO = 8,
};

enum kind { KIND_CLIENT, KIND_SERVER, KIND_LISTENER, KIND_STRANGER, KIND_NEW };

/* One end of a session. */
struct end {
	enum kind kind;
	int fd;
	uint32_t session;
	uint64_t sent, received;
	uint64_t sends_at_most; /* then it ends its direction; UINT64_MAX: never, before the end of all */
	bool has_ended, was_told_the_end, is_blocked;
	unsigned char hello[HELLO];
};

struct session {
	struct end ends[2]; /* client, server */
	bool is_broken;
	double resets_at_ms; /* 0: never */
	int resetter;        /* which end */
	bool was_reset;
};

static unsigned char bytes[PERIOD + PIECE_MAX];
static struct session *sessions;
static uint32_t accepted, broken, wrong, were_reset;
static int epoll;
/* What the words of the command line say. */
static long count = 100, rate = 20000, buffer_bytes, new_every_ms = 10, resets, within_s = 10, asks = 1;
static struct sockaddr_in gateway_address, server_address;
static struct end listener = {.kind = KIND_LISTENER};
static uint64_t seed = 88172645463325252u;
static double longest_wait_ms, asked_at_ms, longest_new_ms;
static bool is_ending; /* no wait counts any more: thousands of ends are in its way */
static uint64_t answers, opened_new, refused_new, ended_new; /* of new ones: refused, or ended young */

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "streams: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and a valid pointer */
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Each direction of each session begins somewhere else in the same bytes. */
static const unsigned char *stream_at(const struct end *sender, uint64_t offset)
{
	return bytes +
	       (offset + sender->session * 7919u + (sender->kind == KIND_SERVER ? 524309u : 0)) % PERIOD;
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	must(fd >= 0, "socket");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (buffer_bytes > 0) {
		int size = (int)buffer_bytes;

		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	}
	return fd;
}

static void watch(struct end *end, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = end};

	must(epoll_ctl(epoll, EPOLL_CTL_ADD, end->fd, &event) == 0, "epoll_ctl");
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	        .sin_port = htons((uint16_t)atoi(port))};
}

static void listen_for_gateway(void)
{
	int one = 1;

	listener.fd = new_socket();
	must(setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0, "SO_REUSEADDR");
	must(bind(listener.fd, (struct sockaddr *)&server_address, sizeof server_address) == 0 &&
	                listen(listener.fd, 4096) == 0,
	        "listen");
	watch(&listener, EPOLLIN);
}

/* ---- sessions ---- */

static struct end *other_end(struct end *end)
{
	return &sessions[end->session].ends[end->kind == KIND_CLIENT];
}

static void close_ends(struct session *session)
{
	for (int i = 0; i < 2; i++)
		if (session->ends[i].fd >= 0) {
			close(session->ends[i].fd);
			session->ends[i].fd = -1;
		}
}

static void breaks(struct end *end, const char *how)
{
	struct session *session = &sessions[end->session];

	if (session->is_broken)
		return;
	session->is_broken = true;
	broken++;
	fprintf(stderr, "streams: session %u, %s: %s after %llu bytes sent, %llu received\n", end->session,
	        end->kind == KIND_CLIENT ? "client" : "server", how, (unsigned long long)end->sent,
	        (unsigned long long)end->received);
	close_ends(session);
}

/* An error of a socket: of a session that was reset, that is how the other end learns it. shutdown(2) says
 * ENOTCONN then. */
static void fails(struct end *end)
{
	struct session *session = &sessions[end->session];

	if (session->was_reset && (errno == ECONNRESET || errno == EPIPE || errno == ENOTCONN))
		close_ends(session);
	else
		breaks(end, strerror(errno));
}

static void reset_session(struct session *session)
{
	const struct linger linger = {.l_onoff = 1};
	struct end *end = &session->ends[session->resetter];

	session->resets_at_ms = 0;
	if (session->is_broken || end->fd < 0)
		return;
	must(setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0, "SO_LINGER");
	close(end->fd);
	end->fd = -1;
	session->was_reset = true;
	were_reset++;
}

/* The server's end of a session says with its first bytes whose it is. */
static void open_session(uint32_t number)
{
	struct session *session = &sessions[number];
	struct end *client = &session->ends[0];
	uint64_t hello = number;

	for (int i = 0; i < 2; i++)
		session->ends[i] = (struct end){.kind = i == 0 ? KIND_CLIENT : KIND_SERVER,
		        .fd = -1,
		        .session = number,
		        .sends_at_most = UINT64_MAX};
	if (number % 10 == 3)
		session->ends[0].sends_at_most = 1000 + random_number() % 200000;
	if (number % 10 == 7)
		session->ends[1].sends_at_most = 1000 + random_number() % 200000;
	session->resetter = (int)(random_number() & 1);
	if ((long)(number * 37 % 100) < resets)
		session->resets_at_ms =
		        now_ms() + 1e3 * (double)(random_number() % 1000 * (uint64_t)within_s) / 1e3;
	client->fd = new_socket();
	must(connect(client->fd, (struct sockaddr *)&gateway_address, sizeof gateway_address) == 0 ||
	                errno == EINPROGRESS,
	        "connect");
	for (struct pollfd polled = {.fd = client->fd, .events = POLLOUT}; poll(&polled, 1, 10000) != 1;)
		must(false, "no connection within ten seconds");
	must(send(client->fd, &hello, HELLO, MSG_NOSIGNAL) == HELLO, "hello");
	watch(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void send_some(struct end *end, size_t limit)
{
	uint64_t left = end->sends_at_most - end->sent;
	size_t length = limit < left ? limit : (size_t)left;
	ssize_t sent;

	if (end->fd < 0 || end->has_ended || end->is_blocked)
		return;
	if (length > 0) {
		sent = send(end->fd, stream_at(end, end->sent), length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN) {
			fails(end);
			return;
		}
		end->is_blocked = sent < (ssize_t)length;
		end->sent += sent < 0 ? 0 : (uint64_t)sent;
	}
	if (end->sent == end->sends_at_most) {
		end->has_ended = true;
		if (shutdown(end->fd, SHUT_WR) == -1)
			fails(end);
	}
}

static void receive_all(struct end *end)
{
	unsigned char got[65536];
	struct end *sender = other_end(end);

	while (end->fd >= 0 && !end->was_told_the_end) {
		ssize_t length = recv(end->fd, got, PIECE_MAX, 0);

		if (length < 0 && errno == EAGAIN)
			return;
		if (length < 0) {
			fails(end);
			return;
		}
		if (length == 0) {
			end->was_told_the_end = true;
			if (!sender->has_ended || end->received != sender->sent)
				breaks(end, "an end that nobody has sent");
			return;
		}
		if (end->received + (uint64_t)length > sender->sent ||
		        memcmp(got, stream_at(sender, end->received), (size_t)length) != 0) {
			wrong++;
			breaks(end, "wrong bytes");
			return;
		}
		end->received += (uint64_t)length;
	}
}

/* ---- those who come and go: one byte asked, one answered ---- */

static struct end new_one = {.kind = KIND_NEW, .fd = -1};
static double new_since_ms;
static struct end asker = {.kind = KIND_NEW, .fd = -1};

static void begin_new(void)
{
	new_since_ms = now_ms();
	new_one.fd = new_socket();
	if (connect(new_one.fd, (struct sockaddr *)&gateway_address, sizeof gateway_address) == -1 &&
	        errno != EINPROGRESS) {
		refused_new++;
		close(new_one.fd);
		new_one.fd = -1;
		return;
	}
	opened_new++;
	watch(&new_one, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void new_one_event(uint32_t events)
{
	uint64_t hello = UINT64_MAX;
	char answer[HELLO];
	ssize_t got;

	if (events & EPOLLOUT && new_one.sent == 0)
		new_one.sent = send(new_one.fd, &hello, HELLO, MSG_NOSIGNAL) == HELLO;
	got = recv(new_one.fd, answer, sizeof answer, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	/* Younger than a second: a crash may end it, and that is counted apart. */
	if (got < 0 && errno == ECONNREFUSED)
		refused_new++;
	else if (got <= 0)
		ended_new++;
	else if (now_ms() - new_since_ms > longest_new_ms)
		longest_new_ms = now_ms() - new_since_ms;
	close(new_one.fd);
	new_one.fd = -1;
	new_one.sent = 0;
}

static void ask(void)
{
	asked_at_ms = now_ms();
	must(send(asker.fd, "question", HELLO, MSG_NOSIGNAL) == HELLO, "ask");
}

static void begin_asking(void)
{
	uint64_t hello = UINT64_MAX;

	asker.fd = new_socket();
	must(connect(asker.fd, (struct sockaddr *)&gateway_address, sizeof gateway_address) == 0 ||
	                errno == EINPROGRESS,
	        "connect");
	for (struct pollfd polled = {.fd = asker.fd, .events = POLLOUT}; poll(&polled, 1, 10000) != 1;)
		must(false, "no connection within ten seconds");
	must(send(asker.fd, &hello, HELLO, MSG_NOSIGNAL) == HELLO, "hello");
	asked_at_ms = now_ms();
	watch(&asker, EPOLLIN | EPOLLRDHUP | EPOLLET);
}

static void asker_event(void)
{
	char answer[HELLO];
	ssize_t got = recv(asker.fd, answer, sizeof answer, 0);
	double waited_ms = now_ms() - asked_at_ms;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got != HELLO) {
		fprintf(stderr, "streams: the connection that asks has ended\n");
		broken++;
		close(asker.fd);
		begin_asking();
		return;
	}
	answers++;
	if (!is_ending && waited_ms > longest_wait_ms)
		longest_wait_ms = waited_ms;
	if (!is_ending && waited_ms > LONG_WAIT_MS)
		fprintf(stderr, "waited %.1f ms\n", waited_ms);
	ask();
}

/* ---- the server ---- */

static void accept_all(void)
{
	int fd;

	while ((fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct end *stranger = calloc(1, sizeof *stranger);

		must(stranger != NULL, "calloc");
		*stranger = (struct end){.kind = KIND_STRANGER, .fd = fd};
		watch(stranger, EPOLLIN);
	}
}

static void becomes_session(struct end *stranger, uint64_t number)
{
	struct end *server = &sessions[number].ends[1];
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = server};

	server->fd = stranger->fd;
	accepted++;
	must(epoll_ctl(epoll, EPOLL_CTL_MOD, server->fd, &event) == 0, "epoll_ctl");
	free(stranger);
}

/* Eight bytes; of one that asks, each eight bytes are answered. */
static void stranger_event(struct end *stranger)
{
	uint64_t number;
	ssize_t got = recv(stranger->fd, stranger->hello + stranger->received, HELLO - stranger->received, 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		close(stranger->fd);
		free(stranger);
		return;
	}
	stranger->received += (uint64_t)got;
	if (stranger->received < HELLO)
		return;
	memcpy(&number, stranger->hello, HELLO);
	if (number < (uint64_t)count && sessions[number].ends[1].fd < 0) {
		becomes_session(stranger, number);
		return;
	}
	stranger->received = 0;
	(void)send(stranger->fd, stranger->hello, HELLO, MSG_NOSIGNAL); /* who is gone asks no more */
}

/* ---- all together ---- */

static void dispatch(const struct epoll_event *event)
{
	struct end *end = event->data.ptr;

	switch (end->kind) {
	case KIND_LISTENER:
		accept_all();
		return;
	case KIND_STRANGER:
		stranger_event(end);
		return;
	case KIND_NEW:
		if (end == &asker)
			asker_event();
		else if (end->fd >= 0)
			new_one_event(event->events);
		return;
	case KIND_CLIENT:
	case KIND_SERVER:
		if (event->events & EPOLLOUT)
			end->is_blocked = false;
		if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			receive_all(end);
	}
}

static void turn(int timeout_ms)
{
	struct epoll_event events[BATCH];
	int ready = epoll_wait(epoll, events, BATCH, timeout_ms);

	for (int i = 0; i < ready; i++)
		dispatch(&events[i]);
}

/* Lets everybody send what the time allows, in random pieces. */
static void send_due(double elapsed_ms)
{
	static double credit;

	credit += elapsed_ms / 1e3 * (double)(rate * 2 * count);
	if (credit > 64e6)
		credit = 64e6;
	while (credit > 0) {
		uint64_t number = random_number();
		size_t piece = 1 + (number >> 40) % (number & 1 << 20 ? 300 : PIECE_MAX);

		send_some(&sessions[number % (uint64_t)count].ends[number >> 32 & 1], piece);
		credit -= (double)piece;
	}
}

static bool input_has_ended(void)
{
	struct pollfd polled = {.fd = 0, .events = POLLIN};
	char text[64];

	return poll(&polled, 1, 0) == 1 && read(0, text, sizeof text) <= 0;
}

static void open_all(void)
{
	for (uint32_t i = 0; i < (uint32_t)count; i++) {
		open_session(i);
		turn(0);
	}
	for (double until = now_ms() + END_WITHIN_MS; accepted < (uint32_t)count; turn(10))
		must(now_ms() < until, "not all sessions were joined");
	if (asks)
		begin_asking();
	printf("streaming\n");
	fflush(stdout);
}

static void stream(void)
{
	double last_ms = now_ms(), new_at_ms = last_ms;

	while (!input_has_ended()) {
		double at_ms = now_ms();

		send_due(at_ms - last_ms);
		last_ms = at_ms;
		for (long i = 0; resets > 0 && i < count; i++)
			if (sessions[i].resets_at_ms > 0 && sessions[i].resets_at_ms <= at_ms)
				reset_session(&sessions[i]);
		if (new_every_ms > 0 && at_ms >= new_at_ms && new_one.fd < 0) {
			begin_new();
			new_at_ms = at_ms + (double)new_every_ms;
		}
		turn(1);
	}
}

static bool is_finished(void)
{
	for (uint32_t i = 0; i < (uint32_t)count; i++)
		for (int j = 0; j < 2; j++)
			if (sessions[i].ends[j].fd >= 0 && !sessions[i].ends[j].was_told_the_end)
				return false;
	return true;
}

static void finish(void)
{
	double until = now_ms() + END_WITHIN_MS;

	is_ending = true;
	for (uint32_t i = 0; i < (uint32_t)count; i++)
		for (int j = 0; j < 2; j++) {
			struct end *end = &sessions[i].ends[j];

			if (!end->has_ended)
				end->sends_at_most = end->sent;
			end->is_blocked = false;
			send_some(end, 0);
		}
	while (!is_finished() && now_ms() < until)
		turn(10);
	for (uint32_t i = 0; i < (uint32_t)count; i++)
		for (int j = 0; j < 2; j++)
			if (sessions[i].ends[j].fd >= 0 && !sessions[i].ends[j].was_told_the_end)
				breaks(&sessions[i].ends[j], "no end has come");
}

static int report(void)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < (uint32_t)count; i++)
		total += sessions[i].ends[0].received + sessions[i].ends[1].received;
	printf("sessions %ld reset %u broken %u wrong %u bytes %llu answers %llu longest_wait_ms %.1f new "
	       "%llu refused %llu "
	       "ended_young %llu longest_new_ms %.1f\n",
	        count, were_reset, broken, wrong, (unsigned long long)total, (unsigned long long)answers,
	        longest_wait_ms, (unsigned long long)opened_new, (unsigned long long)refused_new,
	        (unsigned long long)ended_new, longest_new_ms);
	return broken == 0 && wrong == 0 && refused_new == 0 ? 0 : 1;
}

static void read_word(const char *word)
{
	static const struct {
		const char *name;
		long *value;
	} names[] = {{"sessions", &count}, {"rate", &rate}, {"buffer", &buffer_bytes}, {"new", &new_every_ms},
	        {"resets", &resets}, {"within", &within_s}, {"ask", &asks}};
	size_t length = strcspn(word, "=");

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (word[length] == '=' && strlen(names[i].name) == length &&
		        strncmp(word, names[i].name, length) == 0) {
			*names[i].value = strtol(word + length + 1, NULL, 10);
			return;
		}
	errno = EINVAL;
	must(false, word);
}

static void take_all_descriptors(void)
{
	struct rlimit limit;

	must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* then what there is has to do */
}

int main(int words, char **word)
{
	if (words < 3) {
		fprintf(stderr, "usage: see the comment at the top of streams.c\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	take_all_descriptors();
	gateway_address = loopback(word[1]);
	server_address = loopback(word[2]);
	for (int i = 3; i < words; i++)
		read_word(word[i]);
	seed ^= (uint64_t)time(NULL) << 20;
	printf("seed %llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < PERIOD; i++)
		bytes[i] = (unsigned char)(random_number() >> 24);
	memcpy(bytes + PERIOD, bytes, PIECE_MAX);
	sessions = calloc((size_t)count, sizeof *sessions);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	must(sessions != NULL && epoll >= 0, "no means");
	listen_for_gateway();
	open_all();
	stream();
	finish();
	return report();
}
