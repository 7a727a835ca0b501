#include "session.h"

#include <netinet/in.h>
#include <string.h>

/* Busy machines set ip_local_port_range to "1024 65535": only below that a dial cannot meet itself. */
#define SELF_CONNECT_PORT_MIN 1024u

static uint64_t dial_tag(const struct dial *dial)
{
	return tag_make(TAG_DIAL, dial->slot.index, dial->slot.generation);
}

static struct session *dial_session(csp_loop *loop, const struct dial *dial)
{
	return slab_at(&loop->sessions, dial->session);
}

/* A session's first attempt uses the descriptor reserved for its upstream side; each one beside it needs its
 * own. */
static bool descriptor_take(csp_loop *loop, const struct session *session)
{
	csp_plane *plane = loop->plane;

	if (session->first_dial == SLAB_NONE)
		return true;
	if (atomic_fetch_add(&plane->descriptors, 1) < plane->options.max_descriptors)
		return true;
	atomic_fetch_sub(&plane->descriptors, 1);
	return false;
}

static void descriptor_give_back(csp_loop *loop, const struct session *session)
{
	if (session->first_dial != SLAB_NONE)
		descriptors_give_back(loop, 1);
}

void dial_destroy(csp_loop *loop, struct session *session, struct dial *dial)
{
	uint32_t *place = &session->first_dial;

	while (*place != dial->slot.index)
		place = &((struct dial *)slab_at(&loop->dials, *place))->next;
	*place = dial->next;
	sys_close(dial->fd);
	descriptor_give_back(loop, session);
	slab_give_back(&loop->dials, dial);
}

void dial_destroy_all(csp_loop *loop, struct session *session)
{
	while (session->first_dial != SLAB_NONE)
		dial_destroy(loop, session, slab_at(&loop->dials, session->first_dial));
}

/* A socket with its connect under way, or a negative errno. */
static int connect_start(const struct csp_address *address, const struct csp_options *options, int hops)
{
	struct sockaddr_storage system;
	socklen_t length = address_to_system(address, &system);
	int fd = SYS_RETRY(int, socket(system.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

	if (fd < 0)
		return fd;
	tcp_set_options(fd);
	if (address_is_loopback(address))
		(void)tcp_set_loopback_congestion(fd, options);
	hops_pass_on(fd, address->family, hops);

	/* Not retried on EINTR: connect(2) goes on in the background then, as with EINPROGRESS. */
	if (connect(fd, (struct sockaddr *)&system, length) == -1 && errno != EINPROGRESS && errno != EINTR) {
		/* EAGAIN is documented for a lack of local ports and routing cache entries. */
		int error = errno == EAGAIN ? EADDRNOTAVAIL : errno;

		sys_close(fd);
		return -error;
	}
	return fd;
}

int csp_session_dial(csp_loop *loop, csp_session number, const struct csp_address *address, uint32_t attempt,
        uint32_t endpoint)
{
	struct session *session = session_find(loop, number);
	struct dial *dial;
	int fd;
	int error;

	if (session == NULL)
		return -ENOENT;
	if (session->state != SESSION_DIALING)
		return -EISCONN;
	if (endpoint >= CSP_ENDPOINTS_MAX ||
	        (address->family != CSP_FAMILY_IPV4 && address->family != CSP_FAMILY_IPV6))
		return -EINVAL;
	if (session->hops == 0)
		session->hops = hops_left(&session->legs[DOWN]);
	if (session->hops < HOPS_MIN)
		return -ELOOP;
	if (!descriptor_take(loop, session))
		return -EMFILE;
	dial = slab_take(&loop->dials);
	if (dial == NULL) {
		error = -ENOMEM;
		goto give_back_descriptor;
	}
	fd = connect_start(address, &loop->plane->options, session->hops);
	if (fd < 0) {
		error = fd;
		goto give_back_slot;
	}
	/* The first attempt mostly wins: registered as the leg that it will be, it needs no second
	 * registration. */
	dial->is_leg = session->first_dial == SLAB_NONE;
	error = dial->is_leg
	                ? sys_epoll_ctl(
	                          loop->epoll, EPOLL_CTL_ADD, fd, LEG_EVENTS, session_leg_tag(session, UP))
	                : sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLET, dial_tag(dial));
	if (error < 0)
		goto close_socket;
	dial->fd = fd;
	dial->session = session->slot.index;
	dial->attempt = attempt;
	dial->endpoint = endpoint;
	dial->started_at_ns = sys_now_ns();
	dial->address = *address;
	dial->next = session->first_dial;
	session->first_dial = dial->slot.index;
	return 0;

close_socket:
	sys_close(fd);
give_back_slot:
	slab_give_back(&loop->dials, dial);
give_back_descriptor:
	descriptor_give_back(loop, session);
	counter_add(&loop->counters.dial_failures, 1);
	return error;
}

struct dial *dial_as_leg(csp_loop *loop, const struct session *session)
{
	for (uint32_t i = session->first_dial; i != SLAB_NONE;) {
		struct dial *dial = slab_at(&loop->dials, i);

		if (dial->is_leg)
			return dial;
		i = dial->next;
	}
	return NULL;
}

int csp_session_cancel_dial(csp_loop *loop, csp_session number, uint32_t attempt)
{
	struct session *session = session_find(loop, number);

	if (session == NULL)
		return -ENOENT;
	for (uint32_t i = session->first_dial; i != SLAB_NONE;) {
		struct dial *dial = slab_at(&loop->dials, i);

		if (dial->attempt == attempt) {
			dial_destroy(loop, session, dial);
			return 0;
		}
		i = dial->next;
	}
	return -ENOENT;
}

/*
 * Dialing a local port on which nobody listens can, by chance, choose that port as its own and meet itself
 * (simultaneous open). Such a connection echoes; it must count as refused.
 */
static bool met_itself(const struct dial *dial)
{
	struct sockaddr_storage system;
	socklen_t length = sizeof system;
	struct csp_address own;

	if (dial->address.port < SELF_CONNECT_PORT_MIN)
		return false;
	if (getsockname(dial->fd, (struct sockaddr *)&system, &length) == -1)
		return false;
	if (address_from_system(&system, &own) != 0)
		return false;
	return own.port == dial->address.port && memcmp(own.ip, dial->address.ip, sizeof own.ip) == 0;
}

/* 0 or a positive errno. A failed connect is always announced as an error, so only then there is one to
 * fetch. */
static int verdict(const struct dial *dial, uint32_t events)
{
	int error = events & (EPOLLERR | EPOLLHUP) ? sys_get_int(dial->fd, SOL_SOCKET, SO_ERROR) : 0;

	if (error < 0)
		return -error;
	if (error == 0 && met_itself(dial))
		return ECONNREFUSED;
	return error;
}

void dial_event(csp_loop *loop, struct dial *dial, uint32_t events)
{
	struct session *session = dial_session(loop, dial);
	int error = verdict(dial, events);
	struct csp_event event;

	if (error == 0) {
		session_join(loop, session, dial, events);
		return;
	}
	event = (struct csp_event){
	        .session = session_number(session),
	        .kind = CSP_EVENT_DIAL_FAILED,
	        .attempt = dial->attempt,
	        .endpoint = dial->endpoint,
	        .error = error,
	        .elapsed_ns = loop->now_ns - dial->started_at_ns,
	};
	dial_destroy(loop, session, dial);
	counter_add(&loop->counters.dial_failures, 1);
	(void)loop_push_event(loop, &event); /* a turn never handles more than the queue has room for */
}
