#include "session.h"

#include <linux/sockios.h>

/* Of 256 KiB each: more than a socket holds. */
#define LAST_WORDS_TURNS 64

/* What epoll tells of a session, and what it does then: from the client that waits to the end of both
 * directions. */

/*
 * Before the join, the end of a stream on which nothing waits to be read is a client that left: etcd's
 * clients speak first. With bytes waiting it may be one that half-closed after its request, so it is served.
 */
static void client_event_while_dialing(csp_loop *loop, struct session *session)
{
	struct leg *down = &session->legs[DOWN];
	int waiting = 0;

	if (!down->hung_up)
		return;
	if (!down->failed && ioctl(down->fd, SIOCINQ, &waiting) == 0 && waiting > 0)
		return;
	session_end_and_tell(loop, session, CSP_END_CLIENT_LEFT, 0, false);
}

static void leg_note(struct leg *leg, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP | EPOLLPRI))
		leg->readable = true;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		leg->writable = true;
	if (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))
		leg->hung_up = true;
	if (events & (EPOLLERR | EPOLLHUP))
		leg->failed = true;
	if (events & EPOLLPRI)
		leg->urgent = true;
}

void session_leg_event(csp_loop *loop, struct session *session, int leg, uint32_t events)
{
	struct dial *dial;

	if (leg == UP && session->state == SESSION_DIALING) {
		dial = dial_as_leg(loop, session);
		if (dial != NULL) /* else it was given up earlier in this batch */
			dial_event(loop, dial, events);
		return;
	}
	leg_note(&session->legs[leg], events);
	if (session->state == SESSION_OPEN)
		loop_make_ready(loop, session);
	else
		client_event_while_dialing(loop, session);
}

/* An error that no read or write of this turn met: a reset while nothing could move. 0 or a positive errno.
 */
static int leg_take_error(struct leg *leg)
{
	int error;

	if (!leg->failed)
		return 0;
	leg->failed = false;
	error = sys_get_int(leg->fd, SOL_SOCKET, SO_ERROR);
	return error < 0 ? -error : error;
}

/*
 * A write that failed came upon a reset which may have overtaken the peer's last words: "request refused",
 * then a close with our bytes unread. Whoever talks to that peer directly can read them before the error, so
 * they are passed on first. The failed write has used the error up, so an end of stream read now would be a
 * lie: none is told.
 */
static void pass_on_last_words(csp_loop *loop, struct session *session, int from)
{
	struct leg *legs = session->legs;
	struct failure ignored; /* the session fails already */

	legs[from].readable = true;
	/* A peer that is gone ends with what the socket holds. One that is not, for the failure was our own,
	 * must not be listened to for ever. */
	for (int count = 0; count < LAST_WORDS_TURNS; count++)
		if (relay_turn(loop, &session->relays[from], &legs[from], &legs[1 - from], true, &ignored) !=
		        TURN_AGAIN)
			return;
}

void session_turn(csp_loop *loop, struct session *session)
{
	struct relay *relays = session->relays;
	struct leg *legs = session->legs;
	uint64_t before[2] = {relays[DOWN].bytes, relays[UP].bytes};
	bool has_more[2];

	for (int from = DOWN; from <= UP; from++) {
		int to = 1 - from;
		struct failure failure;
		enum turn turn = relay_turn(loop, &relays[from], &legs[from], &legs[to],
		        relays[to].state == RELAY_DONE, &failure);

		if (turn == TURN_FAILED) {
			if (failure.leg == 1)
				pass_on_last_words(loop, session, to);
			evidence_count(loop, session, relays[DOWN].bytes - before[DOWN],
			        relays[UP].bytes - before[UP]);
			session_fail(loop, session,
			        failure.leg == 0   ? from
			        : failure.leg == 1 ? to
			                           : -1,
			        failure.error);
			return;
		}
		has_more[from] = turn == TURN_AGAIN;
	}
	evidence_count(loop, session, relays[DOWN].bytes - before[DOWN], relays[UP].bytes - before[UP]);
	balance_count(loop, session, relays[DOWN].bytes - before[DOWN] + relays[UP].bytes - before[UP]);
	if (relays[DOWN].state == RELAY_DONE && relays[UP].state == RELAY_DONE) {
		session_end_and_tell(loop, session, CSP_END_FINISHED, 0, false);
		return;
	}
	for (int leg = DOWN; leg <= UP; leg++) {
		/* What a peer said before its reset can be read before the error is. */
		int error = has_more[leg] ? 0 : leg_take_error(&legs[leg]);

		if (error != 0) {
			session_fail(loop, session, leg, error);
			return;
		}
	}
	if (has_more[DOWN] || has_more[UP])
		loop_make_ready(loop, session);
	balance_consider(loop, session);
}

/* events is what epoll told of the winner: where it is registered as a leg already, nobody tells it again. */
void session_join(csp_loop *loop, struct session *session, struct dial *winner, uint32_t events)
{
	struct leg *up = &session->legs[UP];
	bool is_registered = winner->is_leg;
	struct csp_event event = {
	        .session = session_number(session),
	        .kind = CSP_EVENT_OPENED,
	        .attempt = winner->attempt,
	        .endpoint = winner->endpoint,
	        .elapsed_ns = loop->now_ns - winner->started_at_ns,
	};

	*up = (struct leg){.fd = winner->fd, .is_tcp = true, .writable = true};
	winner->fd = -1;
	dial_destroy_all(loop, session);
	leg_note(up, events);
	if (!is_registered && sys_epoll_ctl(loop->epoll, EPOLL_CTL_MOD, up->fd, LEG_EVENTS,
	                              session_leg_tag(session, UP)) < 0) {
		session_end_and_tell(loop, session, CSP_END_SHORTAGE, ENOMEM, true);
		return;
	}
	session->state = SESSION_OPEN;
	names_of_upstream(session);
	session_link(loop, session, event.endpoint);
	session->joined_at_ns = loop->now_ns;
	session->joined_after_us = (uint32_t)((loop->now_ns - session->accepted_at_ns) / 1000);
	young_add(loop, session);
	counter_add(&loop->counters.opened, 1);
	(void)loop_push_event(loop, &event); /* as in session_end_and_tell */
	loop_make_ready(loop, session);
}
