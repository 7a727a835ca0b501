#include "stage.h"
#include "faults.h"
#include "internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

enum { SMALL_BYTES = 32768 };

bool is_harmed(const struct pair *pair)
{
	return !pair->is_cut && (pair->sides[CLIENT].is_gone || pair->sides[SERVER].is_gone);
}

static void set_small(int fd)
{
	const int bytes = SMALL_BYTES;

	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0, "SO_RCVBUF");
	must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0, "SO_SNDBUF");
}

/* Bytes arrive at once, neither paced by bbr nor gathered: how the data plane moves them would depend on the
 * minute. */
static void send_at_once(int fd)
{
	const int yes = 1;

	must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0, "TCP_CONGESTION");
	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0, "TCP_NODELAY");
}

/* The first byte that a client says is its number, and so tells servers who it is. */
static struct pair *introduce(struct stage *stage, int fd, bool is_unix)
{
	struct pair *pair = &stage->pairs[stage->pair_count];
	const char name = (char)stage->pair_count;

	must(stage->pair_count < PAIRS, "fewer pairs");
	*pair = (struct pair){.sides = {{.fd = fd}, {.fd = -1}},
	        .name = stage->pair_count++,
	        .is_unix = is_unix,
	        .slot = SLOTS};
	must(send(fd, &name, 1, MSG_NOSIGNAL) == 1, "a first word");
	pair->sides[CLIENT].said = pair->sides[SERVER].heard = 1;
	return pair;
}

struct pair *enter_at(struct stage *stage, const struct csp_address *entrance)
{
	struct sockaddr_storage system;
	struct csp_address near = *entrance;
	socklen_t length;
	const int yes = 1;
	int fd;

	if (near.family == CSP_FAMILY_IPV4 && near.ip[0] == 0) /* it listens everywhere */
		near = place_on_loopback(near.port);
	length = address_to_system(&near, &system);
	fd = socket(system.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (stage->is_small)
		set_small(fd);
	send_at_once(fd);
	must(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes) == 0, "SO_OOBINLINE");
	must(connect(fd, (const struct sockaddr *)&system, length) == 0, "connect");
	return introduce(stage, fd, false);
}

struct pair *enter(struct stage *stage)
{
	return enter_at(stage, &stage->entrance);
}

struct pair *enter_by_unix_socket(struct stage *stage)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, stage->unix_entrance);
	must(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0, "connect");
	return introduce(stage, fd, true);
}

void close_at_once(int fd)
{
	const struct linger linger = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	sys_close(fd);
}

/* One connection that came to the door of a slot: whose is it? False: it says nothing yet. */
static bool recognize(struct stage *stage, int fd, uint32_t slot)
{
	char name = 0;
	ssize_t got = recv(fd, &name, 1, MSG_DONTWAIT | MSG_PEEK);
	const int yes = 1;

	if (got == -1 && errno == EAGAIN)
		return false;
	if (got <= 0) { /* an attempt that was not needed, or a session that ended at once */
		close_at_once(fd);
		return true;
	}
	must(recv(fd, &name, 1, 0) == 1 && (uint32_t)name < stage->pair_count, "a client's first word");
	must(stage->pairs[(int)name].sides[SERVER].fd < 0, "one server for one client");
	must(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes) == 0, "SO_OOBINLINE");
	send_at_once(fd);
	stage->pairs[(int)name].sides[SERVER].fd = fd;
	stage->pairs[(int)name].slot = slot;
	return true;
}

void servers_look(struct stage *stage)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < stage->slot_count; i++) {
		int fd = accept4(stage->served[i].door, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (stage->is_small)
			set_small(fd);
		must(stage->stranger_count < STRANGERS, "fewer strangers");
		stage->strangers[stage->stranger_count++] = (struct stranger){.fd = fd, .slot = i};
	}
	for (uint32_t i = 0; i < stage->stranger_count; i++)
		if (!recognize(stage, stage->strangers[i].fd, stage->strangers[i].slot))
			stage->strangers[kept++] = stage->strangers[i];
	stage->stranger_count = kept;
}

csp_session number_of(struct stage *stage, const struct pair *pair, uint32_t *loop)
{
	csp_session number = 0;

	for (*loop = 0; pair->slot < SLOTS && *loop < stage->options.loops; ++*loop)
		if ((number = csp_loop_any_session(csp_plane_loop(stage->plane, *loop), pair->slot)) != 0)
			break;
	return number;
}

void pairs_close(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->stranger_count; i++)
		close_at_once(stage->strangers[i].fd);
	stage->stranger_count = 0;
	for (uint32_t i = 0; i < stage->pair_count; i++)
		for (int side = CLIENT; side <= SERVER; side++)
			if (stage->pairs[i].sides[side].fd >= 0) {
				close_at_once(stage->pairs[i].sides[side].fd);
				stage->pairs[i].sides[side].fd = -1;
			}
}
