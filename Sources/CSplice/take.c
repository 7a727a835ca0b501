#include "session.h"
#include "store.h"

#include <string.h>

/* A session as a record: from loop to loop, and from process to process. */

static void record_pipe(
        csp_loop *loop, struct relay *relay, int32_t ends[2], uint32_t *bytes_in_pipe, uint64_t *ref)
{
	ends[0] = ends[1] = -1;
	*bytes_in_pipe = relay->queued;
	if (relay->pipe == NULL)
		return;
	*ref = relay->pipe->ref;
	if (relay->queued > 0)
		pipe_release(loop, relay->pipe, ends);
	else
		pipe_give_back(loop, relay->pipe);
	relay->pipe = NULL;
	relay->queued = 0;
}

int csp_session_take(csp_loop *loop, csp_session number, struct csp_session_record *record)
{
	struct session *session = session_find(loop, number);
	int error;

	if (session == NULL)
		return -ENOENT;
	if (session->state != SESSION_OPEN)
		return -EINPROGRESS;
	if ((error = relay_stash_to_pipe(loop, &session->relays[DOWN])) < 0 ||
	        (error = relay_stash_to_pipe(loop, &session->relays[UP])) < 0)
		return error;
	(void)young_grow_up(
	        loop, session); /* whoever adopts it takes its options for granted, and stores it */
	memset(record, 0, sizeof *record);
	record->downstream = session->legs[DOWN].fd;
	record->upstream = session->legs[UP].fd;
	record->endpoint = session->endpoint;
	record->ended_up = session->relays[DOWN].state == RELAY_DONE;
	record->ended_down = session->relays[UP].state == RELAY_DONE;
	record->is_unix = (uint8_t)(!session->legs[DOWN].is_tcp | !session->legs[UP].is_tcp << 1);
	record->bytes_up = session->relays[DOWN].bytes;
	record->bytes_down = session->relays[UP].bytes;
	record->opened_at_ns = session->accepted_at_ns;
	record->joined_after_us = session->joined_after_us;
	record_pipe(loop, &session->relays[DOWN], record->pipe_up, &record->bytes_in_pipe_up,
	        &record->stored_pipe_up);
	record_pipe(loop, &session->relays[UP], record->pipe_down, &record->bytes_in_pipe_down,
	        &record->stored_pipe_down);
	record->stored = session->relays[DOWN].ref;
	keep_moved(loop, session);
	if (session_is_stored(session))
		counter_add(&loop->counters.stored, (uint64_t)-1);
	/* Both are registered, and nothing but a bug makes a removal fail: the stale tag is dropped either
	 * way. */
	(void)sys_epoll_ctl(loop->epoll, EPOLL_CTL_DEL, record->downstream, 0, 0);
	(void)sys_epoll_ctl(loop->epoll, EPOLL_CTL_DEL, record->upstream, 0, 0);
	session_unlink(loop, session);
	session_free_slot(loop, session);
	session_resume_accepting(loop);
	return 0;
}

static int adopt_relay(csp_loop *loop, struct relay *relay, const int32_t ends[2], uint32_t queued,
        uint64_t pipe_ref, bool ended, uint64_t bytes)
{
	*relay = (struct relay){.bytes = bytes, .state = ended ? RELAY_DONE : RELAY_READING};
	if (queued == 0)
		return 0;
	relay->pipe = pipe_adopt(loop, ends, pipe_ref);
	relay->queued = queued;
	return relay->pipe == NULL ? -ENOMEM : 0;
}

/* Undoes a half-done adoption: the descriptors stay the caller's. */
static void adopt_undo(csp_loop *loop, struct session *session)
{
	for (int i = DOWN; i <= UP; i++) {
		int32_t kept_open[2];

		(void)sys_epoll_ctl(
		        loop->epoll, EPOLL_CTL_DEL, session->legs[i].fd, 0, 0); /* perhaps never added */
		if (session->relays[i].pipe != NULL)
			pipe_release(loop, session->relays[i].pipe, kept_open);
	}
	session_free_slot(loop, session);
}

/* What is stored stays so; what is not yet has its chance when it is a second older. */
static void adopt_stored(csp_loop *loop, struct session *session, uint64_t ref)
{
	if (loop->plane->store == NULL)
		return;
	if (ref == 0) {
		session->joined_at_ns = loop->now_ns;
		young_add(loop, session);
		return;
	}
	session->relays[DOWN].ref = ref;
	session->relays[UP].ref = ref | TABLE_DIRECTION;
	for (int i = DOWN; i <= UP; i++)
		if (session->relays[i].queued > 0)
			keep_safe(loop, &session->relays[i], session->relays[i].pipe->ref != 0);
	counter_add(&loop->counters.stored, 1);
}

enum { FLAG_READABLE = 1, FLAG_WRITABLE = 2, FLAG_HUNG_UP = 4, FLAG_FAILED = 8, FLAG_URGENT = 16 };

uint8_t leg_flags(const struct leg *leg)
{
	return (uint8_t)((leg->readable ? FLAG_READABLE : 0) | (leg->writable ? FLAG_WRITABLE : 0) |
	                 (leg->hung_up ? FLAG_HUNG_UP : 0) | (leg->failed ? FLAG_FAILED : 0) |
	                 (leg->urgent ? FLAG_URGENT : 0));
}

void leg_set_flags(struct leg *leg, uint8_t flags)
{
	leg->readable = flags & FLAG_READABLE;
	leg->writable = flags & FLAG_WRITABLE;
	leg->hung_up = flags & FLAG_HUNG_UP;
	leg->failed = flags & FLAG_FAILED;
	leg->urgent = flags & FLAG_URGENT;
}

/* From now on epoll tells of both legs, or has told already. */
static int adopt_readiness(csp_loop *loop, struct session *session, const struct table_rest *held)
{
	for (int leg = DOWN; leg <= UP; leg++) {
		int error;

		if (held != NULL) {
			leg_set_flags(&session->legs[leg], held->legs[leg]);
			continue;
		}
		error = sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, session->legs[leg].fd, LEG_EVENTS,
		        session_leg_tag(session, leg));
		if (error < 0)
			return error;
	}
	return 0;
}

int csp_loop_adopt(csp_loop *loop, const struct csp_session_record *record, csp_session *number)
{
	return session_adopt(loop, record, NULL, number);
}

int session_adopt(csp_loop *loop, const struct csp_session_record *record, const struct table_rest *held,
        csp_session *number)
{
	struct session *session;
	int error;

	if (record->endpoint >= CSP_ENDPOINTS_MAX || record->downstream < 0 || record->upstream < 0)
		return -EINVAL;
	session = held != NULL ? session_take_slot_at(loop, held->slot, held->generation)
	                       : session_take_slot(loop);
	if (session == NULL)
		return -ENOMEM;
	loop->now_ns =
	        sys_now_ns(); /* its age is measured by this clock: ours must not lie before its beginning */
	session->legs[DOWN] = (struct leg){.fd = record->downstream, .is_tcp = !(record->is_unix & 1)};
	session->legs[UP] = (struct leg){.fd = record->upstream, .is_tcp = !(record->is_unix & 2)};
	session->accepted_at_ns = record->opened_at_ns;
	session->joined_after_us = record->joined_after_us;
	session->state = SESSION_OPEN;
	if ((error = adopt_relay(loop, &session->relays[DOWN], record->pipe_up, record->bytes_in_pipe_up,
	             record->stored_pipe_up, record->ended_up, record->bytes_up)) < 0 ||
	        (error = adopt_relay(loop, &session->relays[UP], record->pipe_down,
	                 record->bytes_in_pipe_down, record->stored_pipe_down, record->ended_down,
	                 record->bytes_down)) < 0 ||
	        (error = adopt_readiness(loop, session, held)) < 0) {
		adopt_undo(loop, session);
		return error;
	}
	names_of_both(loop, session);
	session_link(loop, session, record->endpoint);
	adopt_stored(loop, session, record->stored);
	loop_make_ready(loop, session);
	*number = session_number(session);
	return 0;
}
