#include "account.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

/*
 * From a store back into loops. What each session has in flight is worked out from what the kernel knows: the
 * accounts of its connections, and what is in the pipe that its entry names. Where the two do not agree, the
 * session is reset: a byte too many or too few is worse than an end.
 */

struct recovery {
	csp_plane *plane;
	struct store *store;
	struct shelf_found *found;  /* TABLE_ENTRIES of each shelf */
	struct returning *sessions; /* the same */
	uint32_t shelves;
	struct csp_recovery counts[CSP_LOOPS_MAX]; /* of each loop */
	int results[CSP_LOOPS_MAX];
	bool is_partial; /* not all could be looked at: what is not there may be there all the same */
};

/* A session on its way back. */
struct returning {
	const struct table_entry *entry;
	struct csp_session_record record;
	struct account accounts[2]; /* DOWN, UP */
	bool is_tcp[2];
	bool is_doubtful; /* nobody knows what waits */
};

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
	int bytes = bytes_in(pipe->fds[0]);
	struct returning *session;

	if (owner == 0 || bytes == 0 || table_ref_shelf(owner) >= recovery->shelves)
		return;
	session = &sessions[table_ref_shelf(owner) * TABLE_ENTRIES + table_ref_index(owner)];
	if (session->entry == NULL || session->record.stored != table_ref_session(owner))
		return;

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

/* ---- one session ---- */

static int32_t fd_of(const struct returning *session, int leg)
{
	return leg == DOWN ? session->record.downstream : session->record.upstream;
}

/* The buffer in which the process died while it copied for this relay, or NULL. */
static const struct table_buffer *buffer_of(const struct recovery *recovery, table_ref relay)
{
	for (uint32_t i = 0; i < CSP_LOOPS_MAX; i++) {
		const struct table_buffer *buffer = table_buffer(recovery->store->table, i);

		if (atomic_load(&buffer->owner) == relay)
			return buffer;
	}
	return NULL;
}

/* Bytes that were read and not written yet when the process died in the middle of a copy: into a stored pipe,
 * so that another death finds them there. */
static int refill(csp_loop *loop, struct returning *session, int from, uint64_t missing)
{
	const struct recovery *recovery = loop->recovery;
	struct csp_session_record *record = &session->record;
	table_ref ref = record->stored | (from == UP ? TABLE_DIRECTION : 0);
	const struct table_buffer *buffer = buffer_of(recovery, ref);
	uint64_t written = session->accounts[1 - from].written;
	struct pipe *pipe;

	if (recovery->is_partial || buffer == NULL || written < buffer->delivered ||
	        written - buffer->delivered + missing > TABLE_BUFFER_BYTES)
		return -EPROTO;
	pipe = pipe_take_beyond_budget(loop);
	if (pipe == NULL)
		return -EMFILE;
	if (pipe->ref != 0)
		keep_pipe_for(loop, pipe, ref);
	if (SYS_RETRY(ssize_t, write(pipe->ends[1], buffer->bytes + (written - buffer->delivered),
	                               missing)) != (ssize_t)missing) {
		pipe_destroy(loop, pipe);
		return -EIO;
	}
	*(from == DOWN ? &record->stored_pipe_up : &record->stored_pipe_down) = pipe->ref;
	*(from == DOWN ? &record->bytes_in_pipe_up : &record->bytes_in_pipe_down) = (uint32_t)missing;
	pipe_release(loop, pipe, from == DOWN ? record->pipe_up : record->pipe_down);
	return 0;
}

/* Bytes that were peeked at and written, but not taken from their socket: taken now. */
static int drop(const struct returning *session, int from, uint64_t excess)
{
	if (excess > PEEK_BYTES)
		return -EPROTO;
	return sys_recv(fd_of(session, from), NULL, excess, MSG_TRUNC) == (ssize_t)excess ? 0 : -EPROTO;
}

/* Makes what waits in one direction agree with the accounts. */
static int balance_accounts(csp_loop *loop, struct returning *session, int from)
{
	uint64_t consumed = session->accounts[from].consumed;
	uint64_t written = session->accounts[1 - from].written;
	uint32_t in_pipe =
	        from == DOWN ? session->record.bytes_in_pipe_up : session->record.bytes_in_pipe_down;

	if (consumed == written + in_pipe)
		return 0;
	if (in_pipe > 0)
		return -EPROTO;
	return consumed > written ? refill(loop, session, from, consumed - written)
	                          : drop(session, from, written - consumed);
}

/* Whether the end of this direction was passed on: the kernel says so, or did before it forgot. */
static bool has_ended(const struct returning *session, int from)
{
	if (!session->is_tcp[1 - from])
		return atomic_load(&session->entry->ended[from]) != 0;
	return session->accounts[1 - from].fin_sent;
}

static int work_out(csp_loop *loop, struct returning *session)
{
	int error;

	if (session->is_doubtful)
		return -ENODATA;
	for (int leg = DOWN; leg <= UP; leg++) {
		session->is_tcp[leg] = !(session->entry->is_unix & (leg == DOWN ? 1u : 2u));
		if (session->is_tcp[leg] &&
		        (error = account_read(fd_of(session, leg), leg == UP, &session->accounts[leg])) < 0)
			return error;
		/* Closed, and not by us: that was a reset whose error somebody has read already. */
		if (session->is_tcp[leg] && session->accounts[leg].is_closed &&
		        atomic_load(&session->entry->ended[1 - leg]) == 0)
			return -ECONNRESET;
	}
	/* Its pipe may be among what was not seen, and no account would miss it. */
	if (loop->recovery->is_partial && !(session->is_tcp[DOWN] && session->is_tcp[UP]))
		return -ENODATA;
	for (int from = DOWN; from <= UP; from++) {
		if (atomic_load(&session->entry->unsafe[from]) != 0)
			return -ENODATA;
		if (session->is_tcp[DOWN] && session->is_tcp[UP] &&
		        (error = balance_accounts(loop, session, from)) < 0)
			return error;
	}
	session->record.ended_up = has_ended(session, DOWN);
	session->record.ended_down = has_ended(session, UP);
	session->record.bytes_up = session->accounts[UP].written;
	session->record.bytes_down = session->accounts[DOWN].written;
	return 0;
}

static void reset(csp_loop *loop, struct returning *session, int error)
{
	const struct csp_session_record *record = &session->record;
	const int32_t pipes[] = {
	        record->pipe_up[0], record->pipe_up[1], record->pipe_down[0], record->pipe_down[1]};
	uint64_t refs[] = {record->stored, record->stored_pipe_up, record->stored_pipe_down};

	loop->recovery->counts[loop->index].ended++;
	loop->recovery->counts[loop->index].unsafe += error == -ENODATA;
	for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++)
		if (refs[i] != 0)
			store_forget(loop, refs[i]);
	for (int leg = DOWN; leg <= UP; leg++) {
		tcp_reset(fd_of(session, leg)); /* of a unix socket it does nothing: shutdown does */
		(void)shutdown(fd_of(session, leg), SHUT_RDWR); /* ENOTCONN: the reset was enough */
		sys_close(fd_of(session, leg));
	}
	for (size_t i = 0; i < sizeof pipes / sizeof pipes[0]; i++)
		sys_close(pipes[i]);
}

static void bring_back(csp_loop *loop, struct returning *session)
{
	csp_session number;
	int error = work_out(loop, session);

	if (error == 0)
		error = csp_loop_adopt(loop, &session->record, &number);
	if (error == 0)
		loop->recovery->counts[loop->index].sessions++;
	else
		reset(loop, session, error);
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
		tcp_reset(fd);
		(void)shutdown(fd, SHUT_RDWR); /* as in reset */
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

static void begin(const struct recovery *recovery, struct shelf_found *found, struct returning *session)
{
	const struct table_entry *entry = table_find(recovery->store->table, found->ref);

	*session = (struct returning){
	        .entry = entry,
	        .record = {.downstream = found->fds[0],
	                .upstream = found->fds[1],
	                .pipe_up = {-1, -1},
	                .pipe_down = {-1, -1},
	                .endpoint = entry->endpoint,
	                .opened_at_ns = entry->opened_at_ns,
	                .stored = found->ref},
	};
	*found = (struct shelf_found){.fds = {-1, -1}};
}

static void walk(csp_loop *loop)
{
	struct recovery *recovery = loop->recovery;

	for (uint32_t i = 0; i < recovery->shelves; i++) {
		struct shelf *shelf = atomic_load(&recovery->store->shelves[i]);
		struct shelf_found *found = &recovery->found[(size_t)i * TABLE_ENTRIES];
		struct returning *sessions = &recovery->sessions[(size_t)i * TABLE_ENTRIES];
		int result;

		if (shelf == NULL || !is_mine(loop, i))
			continue;
		shelf->free_count = shelf->messages = 0;
		result = shelf_walk(recovery->store, shelf, found, &recovery->counts[loop->index].ended);
		if (result < 0)
			recovery->results[loop->index] = result;
		if (atomic_load(&shelf->dead) > 0 && loop->compact_at_ns == 0)
			loop->compact_at_ns = loop->now_ns; /* who was given up is told at once */
		for (uint32_t j = 0; j < TABLE_ENTRIES; j++)
			if (state_of(recovery, &found[j]) == ENTRY_SESSION)
				begin(recovery, &found[j], &sessions[j]);
	}
}

static void place_pipes(struct recovery *recovery)
{
	for (size_t i = 0; i < (size_t)recovery->shelves * TABLE_ENTRIES; i++)
		if (state_of(recovery, &recovery->found[i]) == ENTRY_PIPE)
			place_pipe(recovery, &recovery->found[i], recovery->sessions);
}

static void bring_back_one(csp_loop *loop, struct returning *session, struct shelf_found *found)
{
	if (session->entry != NULL)
		bring_back(loop, session);
	if (found->ref == 0)
		return;
	if (state_of(loop->recovery, found) == ENTRY_CLIENT) {
		bring_back_client(
		        loop, found, table_find(loop->plane->store->table, found->ref)->is_unix == 0);
		return;
	}
	store_forget(loop, found->ref); /* a pipe that nobody needs */
	close_found(found);
}

static void bring_back_all(csp_loop *loop)
{
	struct recovery *recovery = loop->recovery;

	loop->now_ns = sys_now_ns();
	for (uint32_t i = 0; i < recovery->shelves; i++)
		for (size_t j = (size_t)i * TABLE_ENTRIES;
		        is_mine(loop, i) && j < ((size_t)i + 1) * TABLE_ENTRIES; j++)
			bring_back_one(loop, &recovery->sessions[j], &recovery->found[j]);
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
	for (uint32_t i = 0; i < CSP_LOOPS_MAX; i++)
		atomic_store(&table_buffer(plane->store->table, i)->owner, 0);

free_memory:
	free(recovery.sessions);
	free(recovery.found);
	return result;
}
