#include "store.h"

#include <stdlib.h>

/*
 * The process is about to leave, with its loops at rest: what is not stored yet is, and the table says beside
 * each entry what the next process would have to ask the kernel for otherwise.
 */

/* What waits in private memory finds room now, or never. */
static void leave_relay(csp_loop *loop, struct relay *relay)
{
	if (relay->stash != NULL)
		(void)relay_stash_to_pipe(
		        loop, relay); /* without a pipe it stays unsafe, and the session ends */
}

static bool leave_session(csp_loop *loop, struct session *session)
{
	const struct parking client = {.state = ENTRY_CLIENT,
	        .count = 1,
	        .fds = {session->legs[DOWN].fd, -1},
	        .opened_at_ns = session->accepted_at_ns,
	        .is_unix = session->legs[DOWN].is_tcp ? 0 : 1};

	if (session->state != SESSION_OPEN) /* its attempts die with us; the client does not notice */
		return store_park(loop, &client, &session->left_as) == 0;
	if (!session_is_stored(session)) {
		/* Of who is stored the next process takes that for granted. */
		if (session->is_young)
			tcp_set_patience(session->legs[UP].fd, loop->plane);
		if (keep_session(loop, session) < 0)
			return false;
	}
	for (int i = DOWN; i <= UP; i++)
		leave_relay(loop, &session->relays[i]);
	session->left_as = session->relays[DOWN].ref;
	return true;
}

/* Where nothing moves any more, what we know of a session is what the kernel would say. */
static void settle(csp_loop *loop, const struct session *session)
{
	struct store *store = loop->plane->store;
	struct table_entry *entry = table_find(store->table, session->left_as);
	struct table_rest *rest = store_rest(store, session->left_as);

	if (entry == NULL || rest == NULL)
		return;
	for (int i = DOWN; i <= UP; i++) {
		const struct relay *relay = &session->relays[i];

		rest->bytes[i] = relay->bytes;
		rest->queued[i] = relay->queued;
		rest->held[i] = -1;
		if (session->state == SESSION_OPEN)
			atomic_store(&entry->ended[i], relay->state == RELAY_DONE);
	}
	atomic_store(&rest->settled, store->mark);
}

static void leave_loop(csp_loop *loop)
{
	loop->now_ns = sys_now_ns();
	/* Those on their way to this loop are among its sessions from here on. */
	while (balance_has_arrivals(loop))
		balance_take_arrivals(loop);
	pipe_pool_destroy(loop); /* nobody's bytes: nobody needs to find them */
	for (uint32_t i = 0; i < loop->sessions.chunks * SLAB_CHUNK_SLOTS; i++) {
		struct session *session = slab_at(&loop->sessions, i);

		if (!session->slot.used)
			continue;
		if (session->left_as == 0 && !leave_session(loop, session)) {
			loop->left_out++;
			continue;
		}
		settle(loop, session);
	}
}

int csp_plane_leave(csp_plane *plane)
{
	uint32_t left_out = 0;
	struct store *store = plane->store;

	if (store == NULL)
		return -ENOENT;
	store->mark = table_new_mark(sys_now_ns());
	for (uint32_t i = 0; i < plane->options.loops; i++)
		plane->loops[i]->left_out = 0;
	for_each_loop(plane, leave_loop);
	for (uint32_t i = 0; i < plane->options.loops; i++)
		left_out += plane->loops[i]->left_out;
	table_set_mark(store->table, store->mark);
	return (int)left_out;
}

/* A client that nobody has joined is in the store no more: it may be joined, and stored as a session. If it
 * was to be held it is in no epoll set now. */
static void stay_in_loop(csp_loop *loop)
{
	for (uint32_t i = 0; i < loop->sessions.chunks * SLAB_CHUNK_SLOTS; i++) {
		struct session *session = slab_at(&loop->sessions, i);

		if (!session->slot.used || session->left_as == 0)
			continue;
		if (!session_is_stored(session))
			store_forget(loop, session->left_as);
		session->left_as = 0;
		if (loop->plane->store->was_held && session->state != SESSION_OPEN)
			held_return_client(loop, session);
	}
}

void csp_plane_stay(csp_plane *plane)
{
	if (plane->store == NULL)
		return;
	table_set_mark(plane->store->table, 0);
	plane->store->mark = 0;
	held_are_kept(plane);
	for_each_loop(plane, stay_in_loop);
	plane->store->was_held = false;
}

/* ---- before: while loops run ---- */

/* Each takes a system call, or a few; what moves bytes has its turn before the next few. */
#define STORE_BATCH 64u
#define STORE_SLOTS 1024u

int csp_loop_store(csp_loop *loop, uint32_t *cursor)
{
	uint32_t slots = loop->sessions.chunks * SLAB_CHUNK_SLOTS;
	uint32_t stored = 0;
	uint32_t end;

	if (loop->plane->store == NULL || *cursor >= slots) {
		*cursor = UINT32_MAX;
		return 0;
	}
	end = slots - *cursor < STORE_SLOTS ? slots : *cursor + STORE_SLOTS;
	for (; *cursor < end && stored < STORE_BATCH; ++*cursor) {
		struct session *session = slab_at(&loop->sessions, *cursor);

		if (!session->slot.used || session->state != SESSION_OPEN || session_is_stored(session))
			continue;
		if (session->is_young)
			(void)young_grow_up(loop, session); /* as below */
		else
			(void)keep_session(loop, session); /* without room it is tried again at the end */
		stored++;
	}
	if (*cursor >= slots)
		*cursor = UINT32_MAX;
	return (int)stored;
}

/* A queue of a shelf has the rest: these are only our duplicates. */
static void abandon_session(csp_loop *loop, struct session *session)
{
	for (int i = DOWN; i <= UP; i++) {
		struct relay *relay = &session->relays[i];

		sys_close(session->legs[i].fd);
		if (relay->pipe != NULL) {
			sys_close(relay->pipe->ends[0]);
			sys_close(relay->pipe->ends[1]);
			free(relay->pipe);
		}
		free(relay->stash);
	}
	dial_destroy_all(loop, session);
	free(session->names);
	session->slot.used = 0;
}

void csp_plane_abandon(csp_plane *plane)
{
	if (plane == NULL)
		return;
	for (uint32_t i = 0; i < plane->options.loops; i++) {
		struct slab *sessions = &plane->loops[i]->sessions;

		for (uint32_t j = 0; j < sessions->chunks * SLAB_CHUNK_SLOTS; j++) {
			struct session *session = slab_at(sessions, j);

			if (session->slot.used)
				abandon_session(plane->loops[i], session);
		}
	}
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++)
		plane->listeners[i].owns_path = false; /* whoever has the socket serves the path */
	csp_plane_destroy(plane);
}
