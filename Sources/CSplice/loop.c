#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* Sessions that get a turn before epoll is asked again; each can raise one event. */
#define TURN_SESSIONS 256u
/*
 * The queue is empty when a turn starts. At most: 256 turned sessions, 128 readiness events of one event each
 * or, for a listener, 17 (32 listeners at most), and a resume per listener, and one for each session of a
 * batch that arrives from another loop. That is below EVENT_QUEUE.
 */
_Static_assert(TURN_SESSIONS + EPOLL_BATCH + CSP_LISTENERS_MAX * 18 + ARRIVALS_BATCH < EVENT_QUEUE,
        "the event queue can overflow");

csp_loop *loop_create(csp_plane *plane, uint32_t index, int *error)
{
	csp_loop *loop = calloc(1, sizeof *loop);

	if (loop == NULL) {
		*error = -ENOMEM;
		return NULL;
	}
	loop->plane = plane;
	loop->index = index;
	loop->wake = -1;
	loop->ready_first = loop->ready_last = loop->young_first = loop->young_last = SLAB_NONE;
	loop->now_ns = sys_now_ns();
	balance_init(loop);
	slab_init(&loop->sessions, sizeof(struct session));
	slab_init(&loop->dials, sizeof(struct dial));
	loop->endpoints = calloc(CSP_ENDPOINTS_MAX, sizeof *loop->endpoints);
	loop->buffer = loop->own_buffer = malloc(PEEK_BYTES);
	*error = -ENOMEM;
	loop->epoll = SYS_RETRY(int, epoll_create1(EPOLL_CLOEXEC));
	if (loop->endpoints == NULL || loop->buffer == NULL)
		goto fail;
	if (loop->epoll < 0) {
		*error = loop->epoll;
		goto fail;
	}
	loop->wake = SYS_RETRY(int, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (loop->wake < 0) {
		*error = loop->wake;
		goto fail;
	}
	/* Edge triggered: each write is an edge, so the counter never has to be read back. */
	*error = sys_epoll_ctl(
	        loop->epoll, EPOLL_CTL_ADD, loop->wake, EPOLLIN | EPOLLET, tag_make(TAG_WAKE, 0, 0));
	if (*error < 0)
		goto fail;
	return loop;

fail:
	loop_destroy(loop);
	return NULL;
}

void loop_destroy(csp_loop *loop)
{
	if (loop == NULL)
		return;
	for (uint32_t i = 0; i < loop->sessions.chunks * SLAB_CHUNK_SLOTS; i++) {
		struct session *session = slab_at(&loop->sessions, i);
		struct csp_event event;

		if (session->slot.used)
			session_end(loop, session, CSP_END_ORDERED, 0, true, &event);
	}
	balance_destroy(loop);
	pipe_pool_destroy(loop);
	slab_destroy(&loop->sessions);
	slab_destroy(&loop->dials);
	sys_close(loop->wake);
	sys_close(loop->epoll);
	free(loop->endpoints);
	free(loop->own_buffer);
	free(loop);
}

bool loop_push_event(csp_loop *loop, const struct csp_event *event)
{
	if (loop->queue_count == EVENT_QUEUE)
		return false;
	loop->queue[(loop->queue_start + loop->queue_count) % EVENT_QUEUE] = *event;
	loop->queue_count++;
	return true;
}

static int pop_events(csp_loop *loop, struct csp_event *events, uint32_t capacity)
{
	uint32_t count = 0;

	for (; count < capacity && loop->queue_count > 0; count++) {
		events[count] = loop->queue[loop->queue_start];
		loop->queue_start = (loop->queue_start + 1) % EVENT_QUEUE;
		loop->queue_count--;
	}
	return (int)count;
}

/* ---- the ready queue: sessions that have something to do, in the order in which it turned up ---- */

static struct session *session_at(const csp_loop *loop, uint32_t index)
{
	return index == SLAB_NONE ? NULL : slab_at(&loop->sessions, index);
}

void loop_make_ready(csp_loop *loop, struct session *session)
{
	struct session *last = session_at(loop, loop->ready_last);

	if (session->is_ready)
		return;
	session->is_ready = true;
	session->next_ready = SLAB_NONE;
	session->previous_ready = loop->ready_last;
	if (last == NULL)
		loop->ready_first = session->slot.index;
	else
		last->next_ready = session->slot.index;
	loop->ready_last = session->slot.index;
	loop->ready_count++;
}

void loop_forget_ready(csp_loop *loop, struct session *session)
{
	struct session *next = session_at(loop, session->next_ready);
	struct session *previous = session_at(loop, session->previous_ready);

	if (!session->is_ready)
		return;
	if (previous == NULL)
		loop->ready_first = session->next_ready;
	else
		previous->next_ready = session->next_ready;
	if (next == NULL)
		loop->ready_last = session->previous_ready;
	else
		next->previous_ready = session->previous_ready;
	session->is_ready = false;
	loop->ready_count--;
}

static void run_ready(csp_loop *loop)
{
	/* Only those that were ready before: one that becomes ready again waits for the next turn. */
	uint32_t count = loop->ready_count < TURN_SESSIONS ? loop->ready_count : TURN_SESSIONS;

	for (; count > 0 && loop->ready_count > 0; count--) {
		struct session *session = session_at(loop, loop->ready_first);

		loop_forget_ready(loop, session);
		session_turn(loop, session);
	}
}

/* ---- one turn ---- */

static void dispatch(csp_loop *loop, const struct epoll_event *event)
{
	uint64_t data = event->data.u64;
	uint32_t generation = (uint32_t)(data >> 32);
	uint32_t index = (uint32_t)data & ((1u << 29) - 1);
	enum tag tag = (enum tag)((uint32_t)data >> 29);
	struct session *session;
	struct dial *dial;

	switch (tag) {
	case TAG_WAKE:
		loop->woken = true;
		if (atomic_load(&loop->plane->paused_listeners) > 0)
			pipe_pool_destroy(loop); /* they hold descriptors that a client waits for */
		balance_take_arrivals(loop);
		break;
	case TAG_LISTENER:
		listener_event(loop, index, event->events);
		break;
	case TAG_DOWN:
	case TAG_UP:
		session = slab_find(&loop->sessions, index, generation);
		if (session != NULL) /* else it ended earlier in this batch */
			session_leg_event(loop, session, tag == TAG_DOWN ? DOWN : UP, event->events);
		break;
	case TAG_DIAL:
		dial = slab_find(&loop->dials, index, generation);
		if (dial != NULL) /* as above */
			dial_event(loop, dial, event->events);
		break;
	}
}

static int ms_until(const csp_loop *loop, uint64_t deadline_ns)
{
	return deadline_ns <= loop->now_ns ? 0 : (int)((deadline_ns - loop->now_ns + 999999) / 1000000);
}

/* Milliseconds to wait, cut to the loop's own deadlines. */
static int wait_ms(const csp_loop *loop, int timeout_ms)
{
	const uint64_t deadlines[] = {
	        loop->retry_accept_at_ns, loop->evidence_at_ns, loop->young_at_ns, loop->compact_at_ns};

	if (loop->ready_count > 0)
		return 0;
	for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++)
		if (deadlines[i] != 0 && (timeout_ms < 0 || ms_until(loop, deadlines[i]) < timeout_ms))
			timeout_ms = ms_until(loop, deadlines[i]);
	return timeout_ms;
}

/*
 * EINTR is a wait without events. EBADF, EFAULT and EINVAL would be our own bug: no descriptor is lost for
 * it.
 */
static int wait_once(csp_loop *loop, struct epoll_event events[static EPOLL_BATCH], int timeout_ms)
{
	int count = epoll_wait(loop->epoll, events, EPOLL_BATCH, timeout_ms);

	if (count == -1 && errno != EINTR)
		abort();
	loop->now_ns = sys_now_ns();
	return count == -1 ? 0 : count;
}

/*
 * Polls for a while before it sleeps, where the last wait was so short that this would have caught its end: a
 * request that is answered in microseconds then costs no sleep and no wake-up
 * (docs/decisions/0016-spinning.md). One long wait ends it.
 */
static int wait_for_events(csp_loop *loop, struct epoll_event events[static EPOLL_BATCH], int timeout_ms)
{
	uint64_t spin_ns = (uint64_t)loop->plane->options.spin_us * 1000u;
	uint64_t began_ns;
	int count = 0;

	if (spin_ns == 0 || timeout_ms == 0)
		return wait_once(loop, events, timeout_ms);
	began_ns = sys_now_ns();
	if (loop->waited_ns < spin_ns)
		do
			count = wait_once(loop, events, 0);
		while (count == 0 && loop->now_ns - began_ns < spin_ns);
	if (count == 0)
		count = wait_once(loop, events, timeout_ms);
	loop->waited_ns = loop->now_ns - began_ns;
	return count;
}

static void loop_turn(csp_loop *loop, int timeout_ms)
{
	struct epoll_event events[EPOLL_BATCH];
	int count = wait_for_events(loop, events, wait_ms(loop, timeout_ms));

	counter_add(&loop->counters.turns, 1);
	for (int i = 0; i < count; i++)
		dispatch(loop, &events[i]);
	if (loop->retry_accept_at_ns != 0 && loop->now_ns >= loop->retry_accept_at_ns) {
		loop->retry_accept_at_ns = 0;
		listeners_resume(loop);
	}
	run_ready(loop);
	if (loop->evidence_at_ns != 0 && loop->now_ns >= loop->evidence_at_ns)
		evidence_check(loop);
	if (loop->young_at_ns != 0 && loop->now_ns >= loop->young_at_ns)
		young_check(loop);
	if (loop->compact_at_ns != 0 && loop->now_ns >= loop->compact_at_ns)
		store_compact(loop);
	balance_check(loop);
}

int csp_loop_wait(csp_loop *loop, struct csp_event *events, uint32_t capacity, int timeout_ms)
{
	uint64_t deadline;

	loop->now_ns = sys_now_ns(); /* the caller may have been away for long */
	deadline = timeout_ms < 0 ? UINT64_MAX : loop->now_ns + (uint64_t)timeout_ms * 1000000u;
	loop->woken = false;
	while (loop->queue_count == 0 && !loop->woken) {
		int left_ms = -1;

		if (timeout_ms >= 0)
			left_ms = deadline <= loop->now_ns
			                  ? 0
			                  : (int)((deadline - loop->now_ns + 999999) / 1000000);
		loop_turn(loop, left_ms);
		if (loop->now_ns >= deadline)
			break;
	}
	return pop_events(loop, events, capacity);
}

int csp_loop_wake(csp_loop *loop)
{
	uint64_t one = 1;
	ssize_t written = SYS_RETRY(ssize_t, write(loop->wake, &one, sizeof one));

	if (written >= 0)
		return 0;
	/* Hardly ever, but a loop that sleeps on is a session that hangs: to ask anew whether an eventfd can
	 * be read or written is an edge too, for one of them it can. */
	return sys_epoll_ctl(loop->epoll, EPOLL_CTL_MOD, loop->wake, EPOLLIN | EPOLLOUT | EPOLLET,
	        tag_make(TAG_WAKE, 0, 0));
}

/* ---- counters ---- */

void csp_loop_read_counters(csp_loop *loop, struct csp_loop_counters *counters)
{
	*counters = (struct csp_loop_counters){
	        .turns = counter_get(&loop->counters.turns),
	        .accepted = counter_get(&loop->counters.accepted),
	        .opened = counter_get(&loop->counters.opened),
	        .ended = counter_get(&loop->counters.ended),
	        .sessions = counter_get(&loop->counters.sessions),
	        .dial_failures = counter_get(&loop->counters.dial_failures),
	        .accept_errors = counter_get(&loop->counters.accept_errors),
	        .pipes = counter_get(&loop->counters.pipes),
	        .bytes_spliced = counter_get(&loop->counters.bytes_spliced),
	        .bytes_copied = counter_get(&loop->counters.bytes_copied),
	        .moved = counter_get(&loop->counters.moved),
	        .stored = counter_get(&loop->counters.stored),
	        .unstored = counter_get(&loop->counters.unstored),
	};
}

void csp_loop_read_endpoint(csp_loop *loop, uint32_t endpoint, struct csp_endpoint_counters *counters)
{
	const struct endpoint_slot *slot = &loop->endpoints[endpoint];

	*counters = (struct csp_endpoint_counters){
	        .sessions = counter_get(&slot->sessions),
	        .bytes_up = counter_get(&slot->bytes_up),
	        .bytes_down = counter_get(&slot->bytes_down),
	        .last_received_ns = counter_get(&slot->last_received_ns),
	        .unanswered_since_ns = counter_get(&slot->unanswered_since_ns),
	};
}

uint64_t csp_loop_accept_errors(csp_loop *loop, uint32_t error)
{
	return counter_get(&loop->counters.accept_errors_by_number[error]);
}

void csp_loop_clear_endpoint(csp_loop *loop, uint32_t endpoint)
{
	struct endpoint_slot *slot = &loop->endpoints[endpoint];

	counter_set(&slot->bytes_up, 0);
	counter_set(&slot->bytes_down, 0);
	counter_set(&slot->last_received_ns, 0);
	counter_set(&slot->unanswered_since_ns, 0);
}
