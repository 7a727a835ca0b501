#include "session.h"
#include "store.h"

#include <stdlib.h>

csp_session session_number(const struct session *session)
{
	return (uint64_t)session->slot.generation << 32 | session->slot.index;
}

struct session *session_find(csp_loop *loop, csp_session number)
{
	return slab_find(&loop->sessions, (uint32_t)number, (uint32_t)(number >> 32));
}

uint64_t session_leg_tag(const struct session *session, int leg)
{
	return tag_make(leg == DOWN ? TAG_DOWN : TAG_UP, session->slot.index, session->slot.generation);
}

/* ---- sessions of one endpoint: an intrusive list, so that none of them needs a table ---- */

void session_link(csp_loop *loop, struct session *session, uint32_t endpoint)
{
	struct endpoint_slot *slot = &loop->endpoints[endpoint];

	if (endpoint >= loop->endpoints_used)
		loop->endpoints_used = endpoint + 1;
	session->endpoint = endpoint;
	session->previous = SLAB_NONE;
	session->next = slot->first_session == 0 ? SLAB_NONE : slot->first_session - 1;
	if (session->next != SLAB_NONE)
		((struct session *)slab_at(&loop->sessions, session->next))->previous = session->slot.index;
	slot->first_session = session->slot.index + 1;
	counter_add(&slot->sessions, 1);
}

void session_unlink(csp_loop *loop, struct session *session)
{
	struct endpoint_slot *slot;

	if (session->endpoint == CSP_ENDPOINT_NONE)
		return;
	slot = &loop->endpoints[session->endpoint];
	if (session->previous != SLAB_NONE)
		((struct session *)slab_at(&loop->sessions, session->previous))->next = session->next;
	else
		slot->first_session = session->next == SLAB_NONE ? 0 : session->next + 1;
	if (session->next != SLAB_NONE)
		((struct session *)slab_at(&loop->sessions, session->next))->previous = session->previous;
	counter_add(&slot->sessions, (uint64_t)-1);
	if (slot->first_session == 0)
		counter_set(&slot->unanswered_since_ns, 0); /* nobody is left to whom an answer is owed */
}

static struct session *begin_slot(csp_loop *loop, struct session *session)
{
	if (session == NULL)
		return NULL;
	session->legs[DOWN].fd = session->legs[UP].fd = -1;
	session->joined_after_us = UINT32_MAX;
	session->endpoint = CSP_ENDPOINT_NONE;
	session->next = session->previous = session->first_dial = SLAB_NONE;
	session->next_ready = session->previous_ready = SLAB_NONE;
	session->next_young = session->previous_young = SLAB_NONE;
	atomic_fetch_add(&loop->plane->sessions, 1);
	atomic_fetch_add(
	        &loop->plane->descriptors, 2); /* its upstream connection is reserved from the start */
	counter_add(&loop->counters.sessions, 1);
	return session;
}

struct session *session_take_slot(csp_loop *loop)
{
	return begin_slot(loop, slab_take(&loop->sessions));
}

struct session *session_take_slot_at(csp_loop *loop, uint32_t index, uint32_t generation)
{
	return begin_slot(loop, slab_take_at(&loop->sessions, index, generation));
}

void session_free_slot(csp_loop *loop, struct session *session)
{
	free(session->names);
	atomic_fetch_sub(&loop->plane->sessions, 1);
	atomic_fetch_sub(&loop->plane->descriptors, 2);
	counter_add(&loop->counters.sessions, (uint64_t)-1);
	loop_forget_ready(loop, session);
	young_forget(loop, session);
	slab_give_back(&loop->sessions, session);
}

void session_resume_accepting(csp_loop *loop)
{
	if (atomic_load(&loop->plane->paused_listeners) > 0)
		listeners_resume(loop);
}

/* Who is not served is told so: an end of stream would be an empty answer. */
static void turn_away(int fd, bool is_tcp)
{
	if (is_tcp)
		tcp_reset(fd);
	sys_close(fd);
}

/* fd belongs to the session afterwards, or is closed. NULL: no memory. */
struct session *session_accept(csp_loop *loop, int fd, bool is_tcp)
{
	struct session *session = session_take_slot(loop);

	if (session == NULL) {
		turn_away(fd, is_tcp);
		return NULL;
	}
	session->accepted_at_ns = loop->now_ns;
	session->legs[DOWN] = (struct leg){.fd = fd, .is_tcp = is_tcp};
	if (!is_tcp) /* a TCP socket has it from its listener, a unix one inherits nothing */
		(void)sys_set_int(
		        fd, SOL_SOCKET, SO_OOBINLINE, 1); /* best effort: without it the byte is dropped */
	if (sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, LEG_EVENTS, session_leg_tag(session, DOWN)) < 0) {
		turn_away(fd, is_tcp);
		session_free_slot(loop, session);
		return NULL;
	}
	return session;
}

/* ---- the end ---- */

/* Of a stored one duplicates live on for a while, so that a close alone would tell the peer nothing. */
static void leg_close(struct leg *leg, bool reset, bool is_stored)
{
	if (leg->fd < 0)
		return;
	if (reset && leg->is_tcp)
		tcp_reset(leg->fd);
	else if (is_stored)
		(void)shutdown(leg->fd, SHUT_RDWR); /* ENOTCONN: the peer has ended it already */
	sys_close(leg->fd);
	leg->fd = -1;
}

void session_end(csp_loop *loop, struct session *session, enum csp_end_reason reason, int error, bool reset,
        struct csp_event *event)
{
	*event = (struct csp_event){
	        .session = session_number(session),
	        .kind = CSP_EVENT_ENDED,
	        .reason = reason,
	        .endpoint = session->endpoint,
	        .error = error,
	        .bytes_up = session->relays[DOWN].bytes,
	        .bytes_down = session->relays[UP].bytes,
	        .elapsed_ns = loop->now_ns - session->accepted_at_ns,
	        .joined_after_us = session->joined_after_us,
	};
	names_tell(session, event);
	dial_destroy_all(loop, session);
	session_unlink(loop, session);
	keep_end(loop, session, reset);
	for (int i = DOWN; i <= UP; i++) {
		leg_close(&session->legs[i], reset, session_is_stored(session));
		relay_discard(loop, &session->relays[i]);
	}
	counter_add(&loop->counters.ended, 1);
	session_free_slot(loop, session);
	session_resume_accepting(loop);
}

void session_end_and_tell(
        csp_loop *loop, struct session *session, enum csp_end_reason reason, int error, bool reset)
{
	struct csp_event event;

	session_end(loop, session, reason, error, reset, &event);
	(void)loop_push_event(
	        loop, &event); /* a turn never handles more sessions than the queue has room for */
}

void session_fail(csp_loop *loop, struct session *session, int leg, int error)
{
	bool is_reset = error == ECONNRESET || error == EPIPE;
	enum csp_end_reason reason = CSP_END_SHORTAGE;

	if (leg == DOWN)
		reason = is_reset ? CSP_END_DOWNSTREAM_RESET : CSP_END_DOWNSTREAM_FAILED;
	else if (leg == UP)
		reason = is_reset ? CSP_END_UPSTREAM_RESET : CSP_END_UPSTREAM_FAILED;
	session_end_and_tell(loop, session, reason, error, true);
}
