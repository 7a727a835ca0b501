#include "store.h"

/*
 * What a stored session does otherwise, so that every byte can be found after a death between any two
 * instructions:
 *
 * - Bytes that wait are in a stored pipe, and the pipe's entry says whose they are.
 * - Bytes that are copied go through a buffer in the table. Nothing is written down about how far the copy
 *   came: the kernel's accounts of the two connections say that (account.c). So a copied message costs no
 *   system call more than it did.
 * - A peeked byte is still in its socket; the accounts say whether it was sent already.
 * - A unix socket keeps no account, and where no stored pipe is to be had bytes wait in private memory: the
 *   session is marked as unsafe meanwhile, and whoever finds it so resets it. No byte is ever lost in
 * silence.
 */

static struct table_entry *entry_of(csp_loop *loop, table_ref ref)
{
	return table_find(loop->plane->store->table, ref);
}

static uint32_t direction_of(const struct relay *relay)
{
	return relay->ref & TABLE_DIRECTION ? UP : DOWN;
}

/* A stored session that is not ended by us must not end as if all had been said: by a reset then. */
static void set_linger(const struct leg *leg, bool resets)
{
	const struct linger linger = {.l_onoff = resets};

	/* Best effort: without it peers of a session whose store is thrown away see an end of stream. */
	if (leg->is_tcp)
		(void)setsockopt(leg->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void keep_safe(csp_loop *loop, struct relay *relay, bool is_safe)
{
	struct table_entry *entry = entry_of(loop, relay->ref);

	relay->is_unsafe = !is_safe;
	if (entry != NULL)
		atomic_store(&entry->unsafe[direction_of(relay)], !is_safe);
}

void keep_ended(csp_loop *loop, const struct relay *relay)
{
	struct table_entry *entry = entry_of(loop, relay->ref);

	if (entry != NULL)
		atomic_store(&entry->ended[direction_of(relay)], 1);
}

void keep_pipe_for(csp_loop *loop, const struct pipe *pipe, table_ref relay)
{
	struct table_entry *entry = entry_of(loop, pipe->ref);

	if (entry != NULL)
		atomic_store(&entry->owner, relay);
}

void keep_copy(csp_loop *loop, struct relay *relay)
{
	struct table_buffer *buffer = loop->shared_buffer;

	atomic_store_explicit(&buffer->owner, 0, memory_order_release);
	buffer->delivered = relay->bytes;
	atomic_store_explicit(&buffer->owner, relay->ref, memory_order_release);
}

void keep_moved(csp_loop *loop, const struct session *session)
{
	struct table_buffer *buffer = loop->shared_buffer;

	if (session_is_stored(session) &&
	        table_ref_session(atomic_load(&buffer->owner)) == session->relays[DOWN].ref)
		atomic_store(&buffer->owner, 0);
}

bool keep_bytes(csp_loop *loop, struct relay *relay, const char *bytes, uint32_t length)
{
	struct pipe *pipe = pipe_take_beyond_budget(loop);

	if (pipe == NULL)
		return false;
	if (pipe->ref == 0) {
		pipe_give_back(loop, pipe);
		return false;
	}
	keep_pipe_for(loop, pipe, relay->ref);
	/* The pipe is empty and holds at least 64 KiB: one write takes all, or a signal came and none. */
	if (SYS_RETRY(ssize_t, write(pipe->ends[1], bytes, length)) != (ssize_t)length) {
		pipe_destroy(loop, pipe);
		return false;
	}
	relay->pipe = pipe;
	relay->queued = length;
	return true;
}

/* What waits already when a session is stored. */
static void keep_what_waits(csp_loop *loop, struct relay *relay)
{
	/* A stash that finds no pipe stays one: unsafe. */
	if (relay->stash != NULL)
		(void)relay_stash_to_pipe(loop, relay);
	if (relay->pipe != NULL && relay->pipe->ref != 0 && relay->queued > 0)
		keep_pipe_for(loop, relay->pipe, relay->ref);
	keep_safe(loop, relay,
	        relay->queued == 0 || (relay->pipe != NULL && relay->pipe->ref != 0 && relay->stash == NULL));
	if (relay->state == RELAY_DONE)
		keep_ended(loop, relay);
}

static void tell_short(csp_loop *loop)
{
	struct csp_event event = {.kind = CSP_EVENT_STORE_FULL, .endpoint = CSP_ENDPOINT_NONE};

	/* Not told where the queue is full: then the next one that finds no room tells it. */
	if (!atomic_exchange(&loop->plane->store->is_short, true) && !loop_push_event(loop, &event))
		atomic_store(&loop->plane->store->is_short, false);
}

int keep_session(csp_loop *loop, struct session *session)
{
	const struct parking parking = {
	        .state = ENTRY_SESSION,
	        .count = 2,
	        .fds = {session->legs[DOWN].fd, session->legs[UP].fd},
	        .opened_at_ns = session->accepted_at_ns,
	        .endpoint = session->endpoint,
	        .is_unix = (session->legs[DOWN].is_tcp ? 0u : 1u) | (session->legs[UP].is_tcp ? 0u : 2u),
	};
	table_ref ref;
	int result;

	if (session_is_stored(session))
		return 0;
	result = store_park(loop, &parking, &ref);
	if (result < 0) {
		if (result == -ENOSPC && !atomic_load(&loop->plane->store->is_final)) {
			tell_short(loop);
			return -ENOSPC;
		}
		counter_add(&loop->counters.unstored, 1);
		return result == -ENOSPC ? -ENOBUFS : result;
	}
	session->relays[DOWN].ref = ref;
	session->relays[UP].ref = ref | TABLE_DIRECTION;
	for (int i = DOWN; i <= UP; i++) {
		if (loop->plane->store->is_kept)
			set_linger(&session->legs[i], true);
		keep_what_waits(loop, &session->relays[i]);
	}
	counter_add(&loop->counters.stored, 1);
	return 0;
}

void keep_end(csp_loop *loop, struct session *session, bool reset)
{
	if (!session_is_stored(session))
		return;
	for (int i = DOWN; i <= UP; i++)
		if (!reset && loop->plane->store->is_kept)
			set_linger(&session->legs[i], false);
	store_forget(loop, session->relays[DOWN].ref);
	counter_add(&loop->counters.stored, (uint64_t)-1);
}
