/*
 * Drives sessions by schedules that libFuzzer thinks of: reads, writes, stalls, half-closes and resets at
 * both ends, moves from loop to loop, orders of the caller. `make fuzz` builds and runs it.
 *
 * The model is a counter for each direction: byte number n of a direction is a function of n. Whatever
 * arrives is what was sent, in order; an end of stream comes only after an end of stream, and after all
 * bytes. At the end no descriptor is open.
 */
#include "CSplice.h"
#include "connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS = 512, SESSIONS = 3, EVENTS = 32, BYTES = 1 << 16, LOOPS = 2, QUIET = 1000 };

enum order {
	ORDER_SEND = 0,
	ORDER_RECEIVE = 1,
	ORDER_TURN = 2,
	ORDER_END = 3,
	ORDER_RESET = 4,
	ORDER_MOVE = 5,
	ORDER_CLOSE = 6,
	ORDERS = 7,
};

/* One end of a session, as its user sees it. */
struct side {
	int fd;
	uint64_t sent;
	uint64_t received;
	bool has_ended; /* its own stream, by a half-close */
	bool heard_end;
};

struct test_session {
	struct side sides[2]; /* client, server */
	csp_session number;   /* 0: it has ended */
	uint32_t loop;
	bool is_cut; /* somebody has reset it: it need not end as it should */
};

struct scene {
	const uint8_t *next;
	size_t left;
	csp_plane *plane;
	struct test_session sessions[SESSIONS];
	uint32_t count;
};

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int door = -1;
static struct csp_address door_address = {.family = CSP_FAMILY_IPV4, .ip = {127, 0, 0, 1}};

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "broken promise or no means: %s (%s)\n", what, strerror(errno));
	abort();
}

static void set_nonblocking(int fd)
{
	must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
}

int LLVMFuzzerInitialize(int *count, char ***words)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;

	(void)count;
	(void)words;
	(void)signal(SIGPIPE, SIG_IGN);
	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(door, (const struct sockaddr *)&address, length) == 0 && listen(door, 64) == 0, "listen");
	must(getsockname(door, (struct sockaddr *)&address, &length) == 0, "getsockname");
	door_address.port = ntohs(address.sin_port);
	return 0;
}

static uint8_t byte_of(struct scene *scene)
{
	if (scene->left == 0)
		return 0;
	scene->left--;
	return *scene->next++;
}

static uint32_t open_descriptors(void)
{
	static struct pollfd all[DESCRIPTORS];
	uint32_t count = 0;

	for (int i = 0; i < DESCRIPTORS; i++)
		all[i] = (struct pollfd){.fd = i};
	must(poll(all, DESCRIPTORS, 0) >= 0, "poll");
	for (int i = 0; i < DESCRIPTORS; i++)
		count += !(all[i].revents & POLLNVAL);
	return count;
}

/* ---- the model ---- */

static char byte_number(uint64_t number, uint32_t side)
{
	return (char)(number * 31 + (number >> 8) * 7 + side * 101);
}

static void say(struct test_session *session, uint32_t from, uint32_t count)
{
	static char bytes[BYTES];
	struct side *side = &session->sides[from];
	ssize_t sent;

	if (side->fd < 0 || side->has_ended)
		return;
	for (uint32_t i = 0; i < count; i++)
		bytes[i] = byte_number(side->sent + i, from);
	sent = send(side->fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent > 0)
		side->sent += (uint64_t)sent;
}

/* Returns whether something came. */
static bool hear(struct test_session *session, uint32_t at, uint32_t count)
{
	static char bytes[BYTES];
	struct side *side = &session->sides[at];
	struct side *other = &session->sides[1 - at];
	ssize_t got;

	if (side->fd < 0 || side->heard_end || count == 0)
		return false;
	got = recv(side->fd, bytes, count, MSG_DONTWAIT);
	for (ssize_t i = 0; i < got; i++)
		must(bytes[i] == byte_number(side->received + (uint64_t)i, 1 - at),
		        "another byte than was sent");
	if (got > 0) {
		side->received += (uint64_t)got;
		must(side->received <= other->sent, "more bytes than were sent");
		return true;
	}
	if (got == 0) {
		must(session->is_cut || other->has_ended, "an end of stream that nobody has said");
		must(session->is_cut || side->received == other->sent, "an end of stream before all bytes");
		side->heard_end = true;
		return true;
	}
	must(errno == EAGAIN || session->is_cut, "a session was reset by nobody");
	return false;
}

/* ---- the plane ---- */

static void note(struct scene *scene, uint32_t loop, const struct csp_event *event)
{
	for (uint32_t i = 0; i < scene->count; i++) {
		struct test_session *session = &scene->sessions[i];

		if (event->kind != CSP_EVENT_ENDED || session->loop != loop ||
		        session->number != event->session)
			continue;
		session->number = 0;
		must(session->is_cut || event->reason == CSP_END_FINISHED,
		        "it has ended, and not as it should");
		must(session->is_cut || (event->bytes_up == session->sides[0].sent &&
		                                event->bytes_down == session->sides[1].sent),
		        "another count of bytes");
	}
}

static void turn(struct scene *scene)
{
	struct csp_event events[EVENTS];

	for (uint32_t loop = 0; loop < LOOPS; loop++) {
		int count = csp_loop_wait(csp_plane_loop(scene->plane, loop), events, EVENTS, 0);

		must(count >= 0, "csp_loop_wait");
		for (int i = 0; i < count; i++)
			note(scene, loop, &events[i]);
	}
}

/* Small buffers and segments make stalls soon: the kernel sizes the other side's buffer by them. */
static void set_small(int fd, bool is_small)
{
	const int buffer = is_small ? 4096 : 1 << 17;
	const int segment = is_small ? 536 : 32767;

	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) == 0, "SO_RCVBUF");
	must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) == 0, "SO_SNDBUF");
	must(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) == 0, "TCP_MAXSEG");
}

static int connected(const struct csp_address *to, bool is_small)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_port = htons(to->port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	set_small(fd, is_small);
	must(has_connected(fd, &address), "connect");
	set_nonblocking(fd);
	return fd;
}

static void open_session(struct scene *scene, const struct csp_address *entrance, bool is_small)
{
	struct test_session *session = &scene->sessions[scene->count];
	struct csp_event event = {0};
	bool is_open = false;

	*session = (struct test_session){.sides = {{.fd = connected(entrance, is_small)}, {.fd = -1}}};
	for (uint32_t i = 0; !is_open; i++) {
		csp_loop *loop = csp_plane_loop(scene->plane, i % LOOPS);
		int count = csp_loop_wait(loop, &event, 1, 1);

		must(i < 10000, "a session that never opens");
		if (count == 1 && event.kind == CSP_EVENT_ACCEPTED) {
			session->number = event.session;
			session->loop = i % LOOPS;
			must(csp_session_dial(loop, event.session, &door_address, 1, scene->count) == 0,
			        "csp_session_dial");
		}
		is_open = count == 1 && event.kind == CSP_EVENT_OPENED;
	}
	session->sides[1].fd = accept(door, NULL, NULL);
	must(session->sides[1].fd >= 0, "accept");
	set_nonblocking(session->sides[1].fd);
	scene->count++;
}

/* ---- orders ---- */

static void end_side(struct side *side)
{
	if (side->fd < 0 || side->has_ended)
		return;
	side->has_ended = true;
	(void)shutdown(side->fd, SHUT_WR); /* ENOTCONN: it was reset before */
}

static void reset_side(struct test_session *session, struct side *side)
{
	const struct linger linger = {.l_onoff = 1};

	if (side->fd < 0)
		return;
	session->is_cut = true;
	(void)setsockopt(side->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(side->fd);
	side->fd = -1;
}

static void move_session(struct scene *scene, struct test_session *session)
{
	struct csp_session_record record;

	if (session->number == 0 ||
	        csp_session_take(csp_plane_loop(scene->plane, session->loop), session->number, &record) < 0)
		return;
	session->loop = 1 - session->loop;
	must(csp_loop_adopt(csp_plane_loop(scene->plane, session->loop), &record, &session->number) == 0,
	        "csp_loop_adopt");
}

static void close_session(struct scene *scene, struct test_session *session)
{
	if (session->number == 0)
		return;
	session->is_cut = true;
	must(csp_session_close(csp_plane_loop(scene->plane, session->loop), session->number, true, NULL) == 0,
	        "csp_session_close");
	session->number = 0;
}

static void obey(struct scene *scene, uint8_t order)
{
	struct test_session *session = &scene->sessions[(order >> 4) % scene->count];
	uint32_t side = order >> 3 & 1;

	switch (order % 8 % ORDERS) {
	case ORDER_SEND:
		say(session, side, (uint32_t)byte_of(scene) << (byte_of(scene) % 9));
		break;
	case ORDER_RECEIVE:
		(void)hear(session, side, (uint32_t)byte_of(scene) << (byte_of(scene) % 9));
		break;
	case ORDER_TURN:
		turn(scene);
		break;
	case ORDER_END:
		end_side(&session->sides[side]);
		break;
	case ORDER_RESET:
		reset_side(session, &session->sides[side]);
		break;
	case ORDER_MOVE:
		move_session(scene, session);
		break;
	default:
		close_session(scene, session);
	}
}

/* All say their last words and hear all that was said. */
static void finish(struct scene *scene)
{
	for (uint32_t i = 0; i < scene->count; i++)
		for (uint32_t side = 0; side < 2; side++)
			end_side(&scene->sessions[i].sides[side]);
	for (uint32_t quiet = 0; quiet < QUIET; quiet++) {
		bool is_done = true;

		turn(scene);
		for (uint32_t i = 0; i < scene->count; i++)
			for (uint32_t side = 0; side < 2; side++) {
				struct test_session *session = &scene->sessions[i];

				if (hear(session, side, BYTES))
					quiet = 0;
				is_done &= session->is_cut ||
				           (session->sides[side].heard_end && session->number == 0);
			}
		if (is_done)
			break;
		if (quiet > 20)
			usleep(1000); /* the kernel's own delays, as of a window that was closed */
	}
	for (uint32_t i = 0; i < scene->count; i++)
		must(scene->sessions[i].is_cut || (scene->sessions[i].sides[0].heard_end &&
		                                          scene->sessions[i].sides[1].heard_end),
		        "a session that hangs");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct scene scene = {.next = bytes, .left = length};
	struct csp_options options = csp_options_default();
	struct csp_address entrance = {.family = CSP_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
	uint32_t before = open_descriptors();
	uint8_t manner = byte_of(&scene);
	int listener;

	set_small(door, manner & 64);
	options.loops = LOOPS;
	options.pipe_pages = manner & 1 ? 0 : manner & 2 ? 32 : 8192;
	must(csp_plane_create(&options, &scene.plane) == 0, "csp_plane_create");
	listener = csp_plane_listen(scene.plane, &entrance);
	must(listener >= 0 && csp_plane_listener_address(scene.plane, (uint32_t)listener, &entrance) == 0,
	        "listener");
	for (uint32_t i = 0; i <= (manner >> 2) % SESSIONS; i++)
		open_session(&scene, &entrance, manner & 128);
	while (scene.left > 0)
		obey(&scene, byte_of(&scene));
	finish(&scene);
	for (uint32_t i = 0; i < scene.count; i++)
		for (uint32_t side = 0; side < 2; side++)
			reset_side(&scene.sessions[i], &scene.sessions[i].sides[side]);
	csp_plane_destroy(scene.plane);
	must(open_descriptors() == before, "a descriptor stays open");
	return 0;
}
