#include "store.h"

#include <stdlib.h>

/*
 * The acceptor makes the numbers of sessions equal, but not what they carry: two bulk flows may share a loop
 * while another sleeps. So a loop looks ten times a second, while it works, at how much of a CPU it used. One
 * that stays busy beside one that has little to do gives it a session: the heaviest, unless that is nearly
 * all there is. An idle loop does not look at all. A session moves as csp_session_take and csp_loop_adopt
 * move it, with what is in its pipes (docs/decisions/0017-sessions-move.md).
 */

#define WINDOW_NS 100000000u
/* Of a thousand: a loop below this gives nothing away. */
#define BUSY_PERMILLE 200u
/* How many windows in a row a loop must be too busy. */
#define PATIENCE_WINDOWS 2u
/* A session with more than this share of a loop's bytes would only move the problem, one with less solves
 * none. */
#define MOST_NUMERATOR 3u
#define MOST_DENOMINATOR 4u
#define LEAST_DENOMINATOR 64u
/* A loop that has not looked for so long sleeps. */
#define STALE_NS (3 * (uint64_t)WINDOW_NS)
/* An endpoint whose sessions were reset this lately: one that was on its way meanwhile is reset too. */
#define RESET_MEMORY_NS 1000000000u

struct moving {
	struct csp_session_record record;
	struct moving *next;
};

static uint64_t thread_cpu_ns(void)
{
	struct timespec used;

	(void)clock_gettime(
	        CLOCK_THREAD_CPUTIME_ID, &used); /* cannot fail with this clock and a valid pointer */
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* ---- who carries how much ---- */

void balance_count(csp_loop *loop, struct session *session, uint64_t bytes)
{
	struct balance *balance = &loop->balance;

	if (session->window != balance->window) {
		session->window = balance->window;
		session->window_bytes = 0;
	}
	session->window_bytes += bytes;
	balance->bytes += bytes;
}

/* A session that can be moved now: nothing of it is in private memory, and it has no peculiarities to be
 * kept. */
static bool is_movable(const struct session *session)
{
	for (int i = DOWN; i <= UP; i++)
		if (session->relays[i].stash != NULL || session->relays[i].never_splice ||
		        session->legs[i].urgent)
			return false;
	return session->state == SESSION_OPEN;
}

/* The heaviest session that is worth to be moved, among those that had a turn at the window's end; or NULL.
 */
void balance_consider(csp_loop *loop, const struct session *session)
{
	struct balance *balance = &loop->balance;
	uint64_t bytes = session->window_bytes;

	if (!balance->is_choosing || session->window != balance->window || !is_movable(session))
		return;
	if (bytes > balance->bytes / MOST_DENOMINATOR * MOST_NUMERATOR ||
	        bytes < balance->bytes / LEAST_DENOMINATOR)
		return;
	if (balance->candidate == 0 || bytes > balance->candidate_bytes) {
		balance->candidate = session_number(session);
		balance->candidate_bytes = bytes;
	}
}

static csp_loop *least_loaded(csp_loop *self)
{
	csp_plane *plane = self->plane;
	csp_loop *best = NULL;
	uint64_t best_load = 0;

	for (uint32_t i = 0; i < plane->options.loops; i++) {
		struct balance *other = &plane->loops[i]->balance;
		bool sleeps = counter_get(&other->looked_at_ns) + STALE_NS < self->now_ns;
		uint64_t load = sleeps ? 0 : counter_get(&other->permille);

		if (i != self->index && (best == NULL || load < best_load)) {
			best = plane->loops[i];
			best_load = load;
		}
	}
	/* Half as busy and a tenth of a CPU less: else the next window would move it back. */
	return best != NULL && best_load * 2 + 100 <= counter_get(&self->balance.permille) ? best : NULL;
}

/* ---- moving ---- */

static void send_to(csp_loop *target, struct moving *moving)
{
	pthread_mutex_lock(&target->balance.lock);
	moving->next = target->balance.arrivals;
	target->balance.arrivals = moving;
	pthread_mutex_unlock(&target->balance.lock);
	(void)csp_loop_wake(target); /* it has two ways, of which one is left */
}

static void move_candidate(csp_loop *loop, csp_loop *target)
{
	struct moving *moving;

	moving = malloc(sizeof *moving);
	if (moving == NULL)
		return; /* then it stays */
	if (csp_session_take(loop, loop->balance.candidate, &moving->record) < 0) {
		free(moving); /* it has ended meanwhile */
		return;
	}
	counter_add(&loop->counters.moved, 1);
	send_to(target, moving);
}

static void begin_window(csp_loop *loop)
{
	struct balance *balance = &loop->balance;

	balance->window++;
	balance->bytes = 0;
	balance->is_choosing = false;
	balance->candidate = 0;
	balance->began_ns = loop->now_ns;
	balance->cpu_ns = thread_cpu_ns();
}

/* Called while the loop works, with what this turn has found in balance_consider. */
void balance_check(csp_loop *loop)
{
	struct balance *balance = &loop->balance;
	uint64_t elapsed_ns = loop->now_ns - balance->began_ns;
	csp_loop *target;

	if (loop->plane->options.loops == 1 || elapsed_ns < WINDOW_NS)
		return;
	if (balance->is_choosing) { /* every session that flows has had a turn since */
		target = balance->candidate != 0 ? least_loaded(loop) : NULL;
		if (target != NULL)
			move_candidate(loop, target);
		begin_window(loop);
		return;
	}
	counter_set(&balance->permille, (thread_cpu_ns() - balance->cpu_ns) * 1000 / elapsed_ns);
	counter_set(&balance->looked_at_ns, loop->now_ns);
	balance->busy_windows = counter_get(&balance->permille) >= BUSY_PERMILLE && least_loaded(loop) != NULL
	                                ? balance->busy_windows + 1
	                                : 0;
	if (balance->busy_windows < PATIENCE_WINDOWS) {
		begin_window(loop);
		return;
	}
	balance->busy_windows = 0;
	balance->is_choosing = true;
	balance->began_ns = loop->now_ns - WINDOW_NS + WINDOW_NS / 10; /* a tenth of a window to choose in */
}

/* ---- arriving ---- */

static struct moving *next_arrival(csp_loop *loop)
{
	struct moving *moving;

	pthread_mutex_lock(&loop->balance.lock);
	moving = loop->balance.arrivals;
	if (moving != NULL)
		loop->balance.arrivals = moving->next;
	pthread_mutex_unlock(&loop->balance.lock);
	return moving;
}

static void discard(csp_loop *loop, struct moving *moving)
{
	const struct csp_session_record *record = &moving->record;
	const int32_t pipes[] = {
	        record->pipe_up[0], record->pipe_up[1], record->pipe_down[0], record->pipe_down[1]};

	const uint64_t refs[] = {record->stored, record->stored_pipe_up, record->stored_pipe_down};

	for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++)
		if (refs[i] != 0)
			store_forget(loop, refs[i]);
	tcp_reset(record->downstream); /* of a unix socket it does nothing: that has no reset */
	tcp_reset(record->upstream);
	sys_close(record->downstream);
	sys_close(record->upstream);
	for (size_t i = 0; i < sizeof pipes / sizeof pipes[0]; i++)
		sys_close(pipes[i]);
	free(moving);
}

static void tell_lost(csp_loop *loop, const struct csp_session_record *record)
{
	struct csp_event event = {.kind = CSP_EVENT_ENDED,
	        .reason = CSP_END_SHORTAGE,
	        .error = ENOMEM,
	        .endpoint = record->endpoint,
	        .bytes_up = record->bytes_up,
	        .bytes_down = record->bytes_down,
	        .elapsed_ns = loop->now_ns - record->opened_at_ns,
	        .joined_after_us = record->joined_after_us,
	        .client = {.family = CSP_FAMILY_IPV4},
	        .upstream = {.family = CSP_FAMILY_IPV4}};

	counter_add(&loop->counters.ended, 1);
	(void)loop_push_event(loop, &event); /* as ARRIVALS_BATCH says, there is room */
}

static void adopt(csp_loop *loop, struct moving *moving)
{
	uint64_t reset_at_ns = loop->endpoints[moving->record.endpoint].reset_at_ns;
	csp_session number;

	if (csp_loop_adopt(loop, &moving->record, &number) < 0) {
		tell_lost(loop, &moving->record);
		discard(loop, moving);
		return;
	}
	free(moving);
	/* The order to reset its endpoint's sessions reached us before it did, and perhaps the other loop
	 * after it had left. */
	if (reset_at_ns != 0 && reset_at_ns + RESET_MEMORY_NS > loop->now_ns)
		session_reset_as_ordered(loop, session_find(loop, number));
}

void balance_take_arrivals(csp_loop *loop)
{
	struct moving *moving;

	for (int count = 0; count < ARRIVALS_BATCH; count++) {
		if ((moving = next_arrival(loop)) == NULL)
			return;
		adopt(loop, moving);
	}
	(void)csp_loop_wake(loop); /* perhaps there are more; as above */
}

bool balance_has_arrivals(csp_loop *loop)
{
	bool has_some;

	pthread_mutex_lock(&loop->balance.lock);
	has_some = loop->balance.arrivals != NULL;
	pthread_mutex_unlock(&loop->balance.lock);
	return has_some;
}

void balance_init(csp_loop *loop)
{
	(void)pthread_mutex_init(&loop->balance.lock, NULL); /* a default mutex: cannot fail on Linux */
	loop->balance.began_ns = loop->now_ns;
}

void balance_destroy(csp_loop *loop)
{
	struct moving *moving;

	while ((moving = next_arrival(loop)) != NULL)
		discard(loop, moving);
	(void)pthread_mutex_destroy(&loop->balance.lock); /* unlocked: cannot fail */
}
