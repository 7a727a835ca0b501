#include "stage.h"
#include "faults.h"
#include "internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { DESCRIPTORS = 512, EVENTS = 32, TRIES = 8, REST_TURNS = 400 };

bool went_well(int result, const char *what)
{
	if (result < 0)
		errno = -result;
	must(result >= 0 || faults_fired() > 0, what);
	return result >= 0;
}

uint32_t open_descriptors(void)
{
	struct pollfd all[DESCRIPTORS];
	uint32_t count = 0;

	for (int i = 0; i < DESCRIPTORS; i++)
		all[i] = (struct pollfd){.fd = i};
	must(poll(all, DESCRIPTORS, 0) >= 0, "poll");
	for (int i = 0; i < DESCRIPTORS; i++)
		count += !(all[i].revents & POLLNVAL);
	return count;
}

/* ---- opening and closing ---- */

void stage_add_shelf(struct stage *stage)
{
	int ends[2];
	int *kept = stage->shelves[stage->shelf_count];

	must(stage->shelf_count < SHELVES, "fewer shelves");
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
	if (!went_well(csp_plane_add_shelf(stage->plane, stage->shelf_count, ends), "csp_plane_add_shelf")) {
		sys_close(ends[0]);
		sys_close(ends[1]);
		csp_plane_refuse_shelves(stage->plane);
		return;
	}
	for (int i = 0; i < 2; i++)
		must((kept[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, 0)) >= 0, "a duplicate");
	stage->shelf_count++;
}

/* What found no room is stored on another shelf, as long as there is one to be had. */
void stage_leave(struct stage *stage)
{
	uint32_t shelves;
	int left;

	do {
		shelves = stage->shelf_count;
		left = csp_plane_leave(stage->plane);
		if (went_well(left, "csp_plane_leave") && left > 0 && shelves < SHELVES)
			stage_add_shelf(stage);
	} while (stage->shelf_count > shelves);
}

static bool listens(struct stage *stage)
{
	int listener = csp_plane_listen(stage->plane, &stage->entrance);

	if (!went_well(listener, "csp_plane_listen"))
		return false;
	if (!went_well(csp_plane_listener_address(stage->plane, (uint32_t)listener, &stage->entrance),
	            "csp_plane_listener_address"))
		return false;
	snprintf(stage->unix_entrance, sizeof stage->unix_entrance, "/tmp/faultinjection-%d.sock", getpid());
	return went_well(
	        csp_plane_listen_unix(stage->plane, stage->unix_entrance, 0600), "csp_plane_listen_unix");
}

/* Every shelf that somebody keeps is put into the new plane, as duplicates. */
static bool has_store_again(struct stage *stage)
{
	struct csp_recovery recovery;

	if (!went_well(csp_plane_open_store(stage->plane, stage->table, true), "csp_plane_open_store"))
		return false;
	for (uint32_t i = 0; i < stage->shelf_count; i++) {
		int ends[2];

		for (int end = 0; end < 2; end++)
			must((ends[end] = fcntl(stage->shelves[i][end], F_DUPFD_CLOEXEC, 0)) >= 0,
			        "a duplicate");
		if (!went_well(csp_plane_add_shelf(stage->plane, i, ends), "csp_plane_add_shelf")) {
			sys_close(ends[0]);
			sys_close(ends[1]);
			return false;
		}
	}
	if (stage->held != 0 &&
	        !went_well(csp_plane_expect_held(stage->plane, stage->held), "csp_plane_expect_held"))
		return false;
	if (!went_well(csp_plane_recover(stage->plane, &recovery), "csp_plane_recover"))
		return false;
	stage->held = 0;
	return true;
}

bool stage_open(struct stage *stage)
{
	int result = csp_plane_create(&stage->options, &stage->plane);

	if (!went_well(result, "csp_plane_create"))
		return false;
	if ((stage->table < 0 || has_store_again(stage)) && listens(stage))
		return true;
	/* As the program does that cannot begin: whoever comes next may have more luck with the store. */
	if (stage->table >= 0)
		stage_leave(stage);
	csp_plane_abandon(stage->plane);
	stage->plane = NULL;
	return false;
}

void stage_close(struct stage *stage)
{
	csp_plane_destroy(stage->plane);
	stage->plane = NULL;
	for (uint32_t i = 0; i < SLOTS; i++)
		sys_close(stage->served[i].door);
	for (uint32_t i = 0; i < stage->shelf_count; i++) {
		sys_close(stage->shelves[i][0]);
		sys_close(stage->shelves[i][1]);
	}
	sys_close(stage->table);
	(void)unlink(stage->unix_entrance); /* where the plane was not let */
}

/* Thousands of runs a minute, and what each leaves in TIME_WAIT, would use up the ports of one address. */
struct csp_address place_on_loopback(uint16_t port)
{
	unsigned run = (unsigned)getpid();

	return (struct csp_address){
	        .family = CSP_FAMILY_IPV4, .port = port, .ip = {127, 1, (uint8_t)(run >> 8), (uint8_t)run}};
}

/* ---- what a caller of the plane does ---- */

static int door_open(bool is_ipv6, struct csp_address *address)
{
	struct sockaddr_storage system;
	socklen_t length;
	int door = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*address = is_ipv6 ? (struct csp_address){.family = CSP_FAMILY_IPV6, .ip = {[15] = 1}}
	                   : place_on_loopback(0);
	length = address_to_system(address, &system);
	must(door >= 0 && bind(door, (const struct sockaddr *)&system, length) == 0 && listen(door, 8) == 0,
	        "a door");
	must(getsockname(door, (struct sockaddr *)&system, &length) == 0 &&
	                address_from_system(&system, address) == 0,
	        "a door's address");
	return door;
}

/* Beside the attempt that shall win: one that is refused, one that comes too late, one that is taken back. */
static void dial_others(csp_loop *loop, const struct served *served, uint32_t slot)
{
	struct csp_address closed = served->door_address;
	int nobody = door_open(served->door_address.family == CSP_FAMILY_IPV6, &closed);

	sys_close(nobody);
	(void)csp_session_dial(loop, served->number, &closed, 101, slot); /* refused, now or later */
	(void)csp_session_dial(loop, served->number, &served->door_address, 102, slot);
	if (csp_session_dial(loop, served->number, &served->door_address, 103, slot) == 0)
		must(csp_session_cancel_dial(loop, served->number, 103) == 0, "csp_session_cancel_dial");
}

static void dial(struct stage *stage, uint32_t slot)
{
	struct served *served = &stage->served[slot];
	csp_loop *loop = csp_plane_loop(stage->plane, served->loop);
	int result;

	if (served->tries++ == TRIES) {
		must(csp_session_close(loop, served->number, true, NULL) == 0, "csp_session_close");
		served->number = 0;
		return;
	}
	if (stage->manner == DIAL_TWICE && served->tries == 1)
		dial_others(loop, served, slot);
	result = csp_session_dial(loop, served->number, &served->door_address, served->tries, slot);
	served->is_dialed = went_well(result, "csp_session_dial");
}

static void come(struct stage *stage, uint32_t loop, csp_session number)
{
	struct served *served = &stage->served[stage->slot_count];

	must(stage->slot_count < SLOTS, "fewer sessions");
	*served = (struct served){.number = number, .loop = loop};
	served->door = door_open(stage->is_ipv6, &served->door_address);
	stage->slot_count++;
}

/* A session that has moved from loop to loop is known by its slot only. */
static struct served *served_of(struct stage *stage, uint32_t loop, const struct csp_event *event)
{
	for (uint32_t i = 0; i < stage->slot_count; i++)
		if (event->endpoint == i ||
		        (event->endpoint == CSP_ENDPOINT_NONE && stage->served[i].loop == loop &&
		                stage->served[i].number == event->session))
			return &stage->served[i];
	return NULL;
}

static void note(struct stage *stage, uint32_t loop, const struct csp_event *event)
{
	struct served *served = served_of(stage, loop, event);

	switch (event->kind) {
	case CSP_EVENT_ACCEPTED:
		come(stage, loop, event->session);
		break;
	case CSP_EVENT_DIAL_FAILED:
		must(served != NULL && (event->attempt > 100 || faults_fired() > 0), "a dial failed");
		if (event->attempt < 100)
			served->is_dialed = false;
		break;
	case CSP_EVENT_OPENED:
		must(served != NULL, "a session of ours opened");
		served->is_open = true;
		break;
	case CSP_EVENT_ENDED:
		if (served != NULL)
			served->number = 0;
		break;
	case CSP_EVENT_SUSPECT:
		stage->suspicions++;
		break;
	case CSP_EVENT_STORE_FULL:
		if (stage->shelf_count < SHELVES)
			stage_add_shelf(stage);
		else
			csp_plane_refuse_shelves(stage->plane);
		break;
	case CSP_EVENT_ACCEPT_PAUSED:
	case CSP_EVENT_ACCEPT_RESUMED:
		break;
	}
}

static void turn(struct stage *stage, uint32_t loop, int timeout_ms)
{
	struct csp_event events[EVENTS];
	int count;

	cpu_is(stage->cpu_ns[loop]);
	count = csp_loop_wait(csp_plane_loop(stage->plane, loop), events, EVENTS, timeout_ms);
	must(count >= 0, "csp_loop_wait");
	for (int i = 0; i < count; i++)
		note(stage, loop, &events[i]);
}

static void dial_who_waits(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->slot_count; i++) {
		struct served *served = &stage->served[i];

		if (served->number != 0 && !served->is_open && !served->is_dialed)
			dial(stage, i);
	}
}

void pump(struct stage *stage)
{
	turns_begin();
	for (uint32_t loop = 0; loop < stage->options.loops; loop++)
		turn(stage, loop, 0);
	if (stage->manner != DIAL_NEVER)
		dial_who_waits(stage);
	servers_look(stage);
}

void rest(struct stage *stage, uint32_t milliseconds)
{
	struct csp_loop_counters before;
	struct csp_loop_counters after;

	for (uint32_t loop = 0; loop < stage->options.loops; loop++) {
		uint64_t until = clock_ms() + milliseconds;

		turns_begin();
		csp_loop_read_counters(csp_plane_loop(stage->plane, loop), &before);
		while (clock_ms() < until)
			turn(stage, loop, (int)(until - clock_ms()));
		csp_loop_read_counters(csp_plane_loop(stage->plane, loop), &after);
		must(after.turns - before.turns < REST_TURNS, "a loop that has nothing to do sleeps");
	}
}
