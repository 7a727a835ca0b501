#include "store.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <string.h>

/* Of 256 KiB each: more than a socket holds. */
#define LAST_WORDS_TURNS 64

csp_session session_number(const struct session *session)
{
	return (uint64_t)session->slot.generation << 32 | session->slot.index;
}

struct session *session_find(csp_loop *loop, csp_session number)
{
	return slab_find(&loop->sessions, (uint32_t)number, (uint32_t)(number >> 32));
}

static uint64_t leg_tag(const struct session *session, int leg)
{
	return tag_make(leg == DOWN ? TAG_DOWN : TAG_UP, session->slot.index, session->slot.generation);
}

uint64_t session_upstream_tag(const struct session *session)
{
	return leg_tag(session, UP);
}

/* ---- sessions of one endpoint: an intrusive list, so that none of them needs a table ---- */

static void link_to_endpoint(csp_loop *loop, struct session *session, uint32_t endpoint)
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

static void unlink_from_endpoint(csp_loop *loop, struct session *session)
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

static struct session *session_take_slot(csp_loop *loop)
{
	struct session *session = slab_take(&loop->sessions);

	if (session == NULL)
		return NULL;
	session->legs[DOWN].fd = session->legs[UP].fd = -1;
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

static void session_free_slot(csp_loop *loop, struct session *session)
{
	atomic_fetch_sub(&loop->plane->sessions, 1);
	atomic_fetch_sub(&loop->plane->descriptors, 2);
	counter_add(&loop->counters.sessions, (uint64_t)-1);
	loop_forget_ready(loop, session);
	young_forget(loop, session);
	slab_give_back(&loop->sessions, session);
}

/* What a session held is free again: accepting may go on. Not called with a listener's lock held. */
static void resume_accepting(csp_loop *loop)
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
	if (sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, LEG_EVENTS, leg_tag(session, DOWN)) < 0) {
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
	};
	dial_destroy_all(loop, session);
	unlink_from_endpoint(loop, session);
	keep_end(loop, session, reset);
	for (int i = DOWN; i <= UP; i++) {
		leg_close(&session->legs[i], reset, session_is_stored(session));
		relay_discard(loop, &session->relays[i]);
	}
	counter_add(&loop->counters.ended, 1);
	session_free_slot(loop, session);
	resume_accepting(loop);
}

static void end_and_tell(
        csp_loop *loop, struct session *session, enum csp_end_reason reason, int error, bool reset)
{
	struct csp_event event;

	session_end(loop, session, reason, error, reset, &event);
	(void)loop_push_event(
	        loop, &event); /* a turn never handles more sessions than the queue has room for */
}

/* An error of one side reaches the other as a reset: never as an end of stream. */
static void session_fail(csp_loop *loop, struct session *session, int leg, int error)
{
	bool is_reset = error == ECONNRESET || error == EPIPE;
	enum csp_end_reason reason = CSP_END_SHORTAGE;

	if (leg == DOWN)
		reason = is_reset ? CSP_END_DOWNSTREAM_RESET : CSP_END_DOWNSTREAM_FAILED;
	else if (leg == UP)
		reason = is_reset ? CSP_END_UPSTREAM_RESET : CSP_END_UPSTREAM_FAILED;
	end_and_tell(loop, session, reason, error, true);
}

/* ---- readiness and turns ---- */

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
	end_and_tell(loop, session, CSP_END_CLIENT_LEFT, 0, false);
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
	bool again = false;

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
		again |= turn == TURN_AGAIN;
	}
	evidence_count(loop, session, relays[DOWN].bytes - before[DOWN], relays[UP].bytes - before[UP]);
	balance_count(loop, session, relays[DOWN].bytes - before[DOWN] + relays[UP].bytes - before[UP]);
	if (relays[DOWN].state == RELAY_DONE && relays[UP].state == RELAY_DONE) {
		end_and_tell(loop, session, CSP_END_FINISHED, 0, false);
		return;
	}
	for (int leg = DOWN; leg <= UP; leg++) {
		int error = leg_take_error(&legs[leg]);

		if (error != 0) {
			session_fail(loop, session, leg, error);
			return;
		}
	}
	if (again)
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
	if (!is_registered &&
	        sys_epoll_ctl(loop->epoll, EPOLL_CTL_MOD, up->fd, LEG_EVENTS, leg_tag(session, UP)) < 0) {
		end_and_tell(loop, session, CSP_END_SHORTAGE, ENOMEM, true);
		return;
	}
	session->state = SESSION_OPEN;
	link_to_endpoint(loop, session, event.endpoint);
	session->joined_at_ns = loop->now_ns;
	young_add(loop, session);
	counter_add(&loop->counters.opened, 1);
	(void)loop_push_event(loop, &event); /* as in end_and_tell */
	loop_make_ready(loop, session);
}

/* ---- orders ---- */

int csp_session_close(csp_loop *loop, csp_session number, bool reset, struct csp_event *ended)
{
	struct session *session = session_find(loop, number);
	struct csp_event event;

	if (session == NULL)
		return -ENOENT;
	session_end(loop, session, CSP_END_ORDERED, 0, reset, ended != NULL ? ended : &event);
	return 0;
}

void session_reset_as_ordered(csp_loop *loop, struct session *session)
{
	end_and_tell(loop, session, CSP_END_ORDERED, 0, true);
}

int csp_loop_reset_endpoint(csp_loop *loop, uint32_t endpoint, uint32_t limit)
{
	struct endpoint_slot *slot = &loop->endpoints[endpoint];
	uint32_t room = EVENT_QUEUE - loop->queue_count;
	int count = 0;

	room = room > EVENT_QUEUE / 2 ? room - EVENT_QUEUE / 2
	                              : 0; /* the rest is for the next turn's own events */
	if (limit > room)
		limit = room;
	for (; limit > 0 && slot->first_session != 0; limit--, count++)
		session_reset_as_ordered(loop, slab_at(&loop->sessions, slot->first_session - 1));
	if (slot->first_session == 0) /* an order for some of them only mostly leaves others */
		slot->reset_at_ns = loop->now_ns;
	return count;
}

int csp_session_upstream_address(csp_loop *loop, csp_session number, struct csp_address *address)
{
	const struct session *session = session_find(loop, number);
	struct sockaddr_storage system;
	socklen_t length = sizeof system;

	if (session == NULL || session->state != SESSION_OPEN)
		return -ENOENT;
	if (getpeername(session->legs[UP].fd, (struct sockaddr *)&system, &length) == -1)
		return -errno;
	return address_from_system(&system, address);
}

csp_session csp_loop_any_session(csp_loop *loop, uint32_t endpoint)
{
	uint32_t first = loop->endpoints[endpoint].first_session;

	return first == 0 ? 0 : session_number(slab_at(&loop->sessions, first - 1));
}

/* ---- from loop to loop, from process to process ---- */

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
	young_grow_up(loop, session); /* whoever adopts it takes its options for granted */
	memset(record, 0, sizeof *record);
	record->downstream = session->legs[DOWN].fd;
	record->upstream = session->legs[UP].fd;
	record->endpoint = session->endpoint;
	record->ended_up = session->relays[DOWN].state == RELAY_DONE;
	record->ended_down = session->relays[UP].state == RELAY_DONE;
	record->bytes_up = session->relays[DOWN].bytes;
	record->bytes_down = session->relays[UP].bytes;
	record->opened_at_ns = session->accepted_at_ns;
	record_pipe(loop, &session->relays[DOWN], record->pipe_up, &record->bytes_in_pipe_up,
	        &record->stored_pipe_up);
	record_pipe(loop, &session->relays[UP], record->pipe_down, &record->bytes_in_pipe_down,
	        &record->stored_pipe_down);
	record->stored = session->relays[DOWN].ref;
	if (session_is_stored(session))
		counter_add(&loop->counters.stored, (uint64_t)-1);
	/* Both are registered, and nothing but a bug makes a removal fail: the stale tag is dropped either
	 * way. */
	(void)sys_epoll_ctl(loop->epoll, EPOLL_CTL_DEL, record->downstream, 0, 0);
	(void)sys_epoll_ctl(loop->epoll, EPOLL_CTL_DEL, record->upstream, 0, 0);
	unlink_from_endpoint(loop, session);
	session_free_slot(loop, session);
	resume_accepting(loop);
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

static int adopt_leg(struct leg *leg, int fd)
{
	int domain = sys_get_int(fd, SOL_SOCKET, SO_DOMAIN);

	*leg = (struct leg){.fd = fd, .is_tcp = domain != AF_UNIX};
	return domain < 0 ? domain : 0;
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

int csp_loop_adopt(csp_loop *loop, const struct csp_session_record *record, csp_session *number)
{
	struct session *session;
	int error;

	if (record->endpoint >= CSP_ENDPOINTS_MAX || record->downstream < 0 || record->upstream < 0)
		return -EINVAL;
	session = session_take_slot(loop);
	if (session == NULL)
		return -ENOMEM;
	loop->now_ns =
	        sys_now_ns(); /* its age is measured by this clock: ours must not lie before its beginning */
	session->accepted_at_ns = record->opened_at_ns;
	session->state = SESSION_OPEN;
	if ((error = adopt_leg(&session->legs[DOWN], record->downstream)) < 0 ||
	        (error = adopt_leg(&session->legs[UP], record->upstream)) < 0 ||
	        (error = adopt_relay(loop, &session->relays[DOWN], record->pipe_up, record->bytes_in_pipe_up,
	                 record->stored_pipe_up, record->ended_up, record->bytes_up)) < 0 ||
	        (error = adopt_relay(loop, &session->relays[UP], record->pipe_down,
	                 record->bytes_in_pipe_down, record->stored_pipe_down, record->ended_down,
	                 record->bytes_down)) < 0 ||
	        (error = sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, record->downstream, LEG_EVENTS,
	                 leg_tag(session, DOWN))) < 0 ||
	        (error = sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, record->upstream, LEG_EVENTS,
	                 leg_tag(session, UP))) < 0) {
		adopt_undo(loop, session);
		return error;
	}
	link_to_endpoint(loop, session, record->endpoint);
	adopt_stored(loop, session, record->stored);
	loop_make_ready(loop, session);
	*number = session_number(session);
	return 0;
}
