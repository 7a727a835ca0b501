#include "recover.h"

#include <stdlib.h>
#include <string.h>

/* From a store back into loops: which messages there are, which pipe belongs to whom, and then all at once.
 */

static void close_found(struct shelf_found *found)
{
	sys_close(found->fds[0]);
	sys_close(found->fds[1]);
	*found = (struct shelf_found){.fds = {-1, -1}};
}

/* ---- pipes ---- */

static int bytes_in(int pipe)
{
	int bytes = 0;

	return ioctl(pipe, FIONREAD, &bytes) == -1 ? -errno : bytes;
}

/* Gives a pipe to the session whose bytes it holds; any other is of no use any more. */
static void place_pipe(struct recovery *recovery, struct shelf_found *pipe, struct returning *sessions)
{
	const struct table_entry *entry = table_find(recovery->store->table, pipe->ref);
	table_ref owner = atomic_load(&entry->owner);
	bool is_here = pipe->fds[0] >= 0;
	int bytes = is_here ? bytes_in(pipe->fds[0]) : 1; /* not here: it may have some */
	struct returning *session;

	if (owner == 0 || bytes == 0 || table_ref_shelf(owner) >= recovery->shelves)
		return;
	session = &sessions[table_ref_shelf(owner) * TABLE_ENTRIES + table_ref_index(owner)];
	if (session->entry == NULL || session->record.stored != table_ref_session(owner))
		return;
	if (!is_here) {
		session->lacks_pipe = true;
		return;
	}

	bool is_up = !(owner & TABLE_DIRECTION);
	int32_t *ends = is_up ? session->record.pipe_up : session->record.pipe_down;

	if (bytes < 0 || ends[0] >= 0) { /* unreadable, or two pipes for one direction */
		session->is_doubtful = true;
		return;
	}
	memcpy(ends, pipe->fds, sizeof pipe->fds);
	*(is_up ? &session->record.bytes_in_pipe_up : &session->record.bytes_in_pipe_down) = (uint32_t)bytes;
	*(is_up ? &session->record.stored_pipe_up : &session->record.stored_pipe_down) = pipe->ref;
	*pipe = (struct shelf_found){.fds = {-1, -1}};
}

/* A client that nobody has joined yet begins anew, in the store no more. */
static void bring_back_client(csp_loop *loop, struct shelf_found *found, bool is_tcp)
{
	struct csp_recovery *counts = &loop->recovery->counts[loop->index];
	struct csp_event event = {.kind = CSP_EVENT_ACCEPTED, .endpoint = CSP_ENDPOINT_NONE};
	struct session *session;
	int fd = found->fds[0];

	store_forget(loop, found->ref);
	sys_close(found->fds[1]); /* none but in a damaged store */
	*found = (struct shelf_found){.fds = {-1, -1}};
	if (loop->queue_count >= EVENT_QUEUE / 2) { /* nobody can be told of it */
		cut_off(fd, is_tcp);
		sys_close(fd);
		counts->ended++;
		return;
	}
	session = session_accept(loop, fd, is_tcp);
	if (session == NULL) {
		counts->ended++;
		return;
	}
	event.session = session_number(session);
	(void)loop_push_event(loop, &event); /* there is room: see above */
	counts->clients++;
}

/* ---- all of them: each loop takes the shelves that are its by number ---- */

static bool is_mine(const csp_loop *loop, uint32_t shelf)
{
	return shelf % loop->plane->options.loops == loop->index;
}

static enum entry_state state_of(const struct recovery *recovery, const struct shelf_found *found)
{
	const struct table_entry *entry = table_find(recovery->store->table, found->ref);

	return entry == NULL ? ENTRY_FREE : (enum entry_state)atomic_load(&entry->state);
}

static void begin(csp_loop *loop, struct shelf_found *found, struct returning *session)
{
	const struct table_entry *entry = table_find(loop->plane->store->table, found->ref);
	const struct table_rest *held = held_readiness(loop->plane, found->ref);

	*session = (struct returning){
	        .entry = entry,
	        .held = held,
	        .loop = held != NULL ? held->loop : loop->index,
	        .is_tcp = {!(entry->is_unix & 1u), !(entry->is_unix & 2u)},
	        .record = {.downstream = found->fds[0],
	                .upstream = found->fds[1],
	                .pipe_up = {-1, -1},
	                .pipe_down = {-1, -1},
	                .endpoint = entry->endpoint,
	                .opened_at_ns = entry->opened_at_ns,
	                .joined_after_us = UINT32_MAX,
	                .is_unix = (uint8_t)(entry->is_unix & 3u),
	                .stored = found->ref},
	};
	*found = (struct shelf_found){.fds = {-1, -1}};
}

/* There was no room for its descriptors: its peers know, or will when the shelf is compacted. */
static void leave_there(csp_loop *loop, struct shelf_found *found)
{
	loop->recovery->counts[loop->index].ended++;
	loop->recovery->counts[loop->index].refused++;
	store_forget(loop, found->ref);
	loop->compact_at_ns = loop->now_ns;
	*found = (struct shelf_found){.fds = {-1, -1}};
}

static void sort(csp_loop *loop, struct shelf_found *found, struct returning *session)
{
	enum entry_state state = state_of(loop->recovery, found);

	if (found->ref == 0 || state == ENTRY_PIPE)
		return;
	if (found->fds[0] < 0)
		leave_there(loop, found);
	else if (state == ENTRY_SESSION)
		begin(loop, found, session);
}

static void walk(csp_loop *loop)
{
	struct recovery *recovery = loop->recovery;

	loop->now_ns = sys_now_ns();

	for (uint32_t i = 0; i < recovery->shelves; i++) {
		struct shelf *shelf = atomic_load(&recovery->store->shelves[i]);
		struct shelf_found *found = &recovery->found[(size_t)i * TABLE_ENTRIES];
		struct returning *sessions = &recovery->sessions[(size_t)i * TABLE_ENTRIES];
		int result = 0;

		if (shelf == NULL || !is_mine(loop, i))
			continue;
		shelf->free_count = shelf->messages = 0;
		if (!held_walk(recovery->store, shelf, found))
			result = shelf_walk(recovery->store, shelf, &recovery->room, found,
			        &recovery->counts[loop->index].ended);
		if (result < 0) {
			recovery->results[loop->index] = result;
			loop->compact_at_ns = loop->now_ns; /* who was given up is told at once */
		}
		for (uint32_t j = 0; j < TABLE_ENTRIES; j++)
			sort(loop, &found[j], &sessions[j]);
		if (atomic_load(&shelf->dead) > 0) /* of the process before */
			store_compact_soon(loop);
	}
}

static void place_pipes(struct recovery *recovery)
{
	for (size_t i = 0; i < (size_t)recovery->shelves * TABLE_ENTRIES; i++)
		if (state_of(recovery, &recovery->found[i]) == ENTRY_PIPE)
			place_pipe(recovery, &recovery->found[i], recovery->sessions);
}

/* A client, or a pipe that nobody needs. */
static void bring_back_other(csp_loop *loop, struct shelf_found *found)
{
	if (found->ref == 0)
		return;
	if (state_of(loop->recovery, found) == ENTRY_CLIENT) {
		bring_back_client(
		        loop, found, table_find(loop->plane->store->table, found->ref)->is_unix == 0);
		return;
	}
	store_forget(loop, found->ref);
	close_found(found);
}

/* Sessions that have their places already come before those that take any. */
static void bring_back_sessions(csp_loop *loop, bool are_held)
{
	struct recovery *recovery = loop->recovery;

	for (size_t i = 0; i < (size_t)recovery->shelves * TABLE_ENTRIES; i++) {
		struct returning *session = &recovery->sessions[i];

		if (session->entry != NULL && session->loop == loop->index &&
		        (session->held != NULL) == are_held)
			returning_bring_back(loop, session);
	}
}

static void bring_back_all(csp_loop *loop)
{
	struct recovery *recovery = loop->recovery;

	loop->now_ns = sys_now_ns();
	bring_back_sessions(loop, true);
	slab_sort(&loop->sessions);
	bring_back_sessions(loop, false);
	for (uint32_t i = 0; i < recovery->shelves; i++)
		for (size_t j = (size_t)i * TABLE_ENTRIES;
		        is_mine(loop, i) && j < ((size_t)i + 1) * TABLE_ENTRIES; j++)
			bring_back_other(loop, &recovery->found[j]);
}

static void see_whether_partial(struct recovery *recovery)
{
	for (uint32_t i = 0; i < recovery->plane->options.loops; i++)
		recovery->is_partial |= recovery->results[i] < 0;
}

static void sum_up(const struct recovery *recovery, struct csp_recovery *counts)
{
	for (uint32_t i = 0; i < recovery->plane->options.loops; i++) {
		counts->sessions += recovery->counts[i].sessions;
		counts->clients += recovery->counts[i].clients;
		counts->ended += recovery->counts[i].ended;
		counts->unsafe += recovery->counts[i].unsafe;
		counts->refused += recovery->counts[i].refused;
		if (recovery->results[i] < 0)
			counts->error = -recovery->results[i];
	}
}

int csp_plane_recover(csp_plane *plane, struct csp_recovery *counts)
{
	struct recovery recovery = {.plane = plane, .store = plane->store};
	size_t count;
	int result = -ENOMEM;

	*counts = (struct csp_recovery){0};
	if (plane->store == NULL)
		return -ENOENT;
	recovery.shelves = atomic_load(&plane->store->shelf_count);
	recovery.mark = table_mark(plane->store->table);
	recovery.room = (int64_t)plane->options.max_descriptors - atomic_load(&plane->descriptors);
	count = (size_t)recovery.shelves * TABLE_ENTRIES + 1;
	recovery.found = calloc(count, sizeof *recovery.found);
	recovery.sessions = calloc(count, sizeof *recovery.sessions);
	if (recovery.found == NULL || recovery.sessions == NULL)
		goto free_memory;
	for (uint32_t i = 0; i < plane->options.loops; i++)
		plane->loops[i]->recovery = &recovery;
	for_each_loop(plane, walk);
	see_whether_partial(&recovery);
	place_pipes(&recovery);
	for_each_loop(plane, bring_back_all);
	sum_up(&recovery, counts);
	result = 0;
	for (uint32_t i = 0; i < plane->options.loops; i++)
		plane->loops[i]->recovery = NULL;
	/* The mark goes with them: from here on bytes may move. */
	for (uint32_t i = 0; i < CSP_LOOPS_MAX; i++)
		atomic_store(&table_buffer(plane->store->table, i)->owner, 0);
	plane->store->held = 0;
	for (uint32_t i = 0; i < plane->options.loops; i++)
		plane->loops[i]->has_held_epoll = false;

free_memory:
	free(recovery.sessions);
	free(recovery.found);
	return result;
}
