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
	struct csp_recovery *counts;
	struct shelf_found *found; /* TABLE_ENTRIES of each shelf */
	uint32_t shelves;
	uint32_t next_loop;
};

/* A session on its way back. */
struct returning {
	const struct table_entry *entry;
	struct csp_session_record record;
	struct account accounts[2]; /* DOWN, UP */
	bool is_tcp[2];
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

	return ioctl(pipe, FIONREAD, &bytes) == -1 ? 0 : bytes;
}

/* Gives a pipe to the session whose bytes it holds; any other is of no use any more. */
static void place_pipe(struct recovery *recovery, struct shelf_found *pipe, struct returning *sessions)
{
	const struct table_entry *entry = table_find(recovery->store->table, pipe->ref);
	table_ref owner = atomic_load(&entry->owner);
	int bytes = bytes_in(pipe->fds[0]);
	struct returning *session;

	if (owner == 0 || bytes <= 0 || table_ref_shelf(owner) >= recovery->shelves)
		return;
	session = &sessions[table_ref_shelf(owner) * TABLE_ENTRIES + table_ref_index(owner)];
	if (session->entry == NULL || session->record.stored != table_ref_session(owner))
		return;

	bool is_up = !(owner & TABLE_DIRECTION);
	int32_t *ends = is_up ? session->record.pipe_up : session->record.pipe_down;

	if (ends[0] >= 0)
		return; /* two pipes for one direction: the accounts will find one too few */
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

/* Bytes that were read and not written yet when the process died in the middle of a copy: into a stored pipe, so
 * that another death finds them there. */
static int refill(struct recovery *recovery, struct returning *session, int from, uint64_t missing)
{
	struct csp_session_record *record = &session->record;
	table_ref ref = record->stored | (from == UP ? TABLE_DIRECTION : 0);
	const struct table_buffer *buffer = buffer_of(recovery, ref);
	uint64_t written = session->accounts[1 - from].written;
	csp_loop *loop = recovery->plane->loops[0];
	struct pipe *pipe;

	if (buffer == NULL || written < buffer->delivered ||
	        written - buffer->delivered + missing > TABLE_BUFFER_BYTES)
		return -EPROTO;
	pipe = pipe_take_beyond_budget(loop);
	if (pipe == NULL)
		return -EMFILE;
	if (pipe->ref != 0)
		keep_pipe_for(loop, pipe, ref);
	if (SYS_RETRY(ssize_t, write(pipe->ends[1], buffer->bytes + (written - buffer->delivered), missing)) !=
	        (ssize_t)missing) {
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
static int balance_accounts(struct recovery *recovery, struct returning *session, int from)
{
	uint64_t consumed = session->accounts[from].consumed;
	uint64_t written = session->accounts[1 - from].written;
	uint32_t in_pipe = from == DOWN ? session->record.bytes_in_pipe_up : session->record.bytes_in_pipe_down;

	if (consumed == written + in_pipe)
		return 0;
	if (in_pipe > 0)
		return -EPROTO;
	return consumed > written ? refill(recovery, session, from, consumed - written)
	                          : drop(session, from, written - consumed);
}

/* Whether the end of this direction was passed on: the kernel says so, or did before it forgot. */
static bool has_ended(const struct returning *session, int from)
{
	if (!session->is_tcp[1 - from])
		return atomic_load(&session->entry->ended[from]) != 0;
	return session->accounts[1 - from].fin_sent;
}

static int work_out(struct recovery *recovery, struct returning *session)
{
	int error;

	for (int leg = DOWN; leg <= UP; leg++) {
		int domain = sys_get_int(fd_of(session, leg), SOL_SOCKET, SO_DOMAIN);

		if (domain < 0)
			return domain;
		session->is_tcp[leg] = domain != AF_UNIX;
		if (session->is_tcp[leg] &&
		        (error = account_read(fd_of(session, leg), leg == UP, &session->accounts[leg])) < 0)
			return error;
		/* Closed, and not by us: that was a reset whose error somebody has read already. */
		if (session->is_tcp[leg] && session->accounts[leg].is_closed &&
		        atomic_load(&session->entry->ended[1 - leg]) == 0)
			return -ECONNRESET;
	}
	for (int from = DOWN; from <= UP; from++) {
		if (atomic_load(&session->entry->unsafe[from]) != 0)
			return -ENODATA;
		if (session->is_tcp[DOWN] && session->is_tcp[UP] &&
		        (error = balance_accounts(recovery, session, from)) < 0)
			return error;
	}
	session->record.ended_up = has_ended(session, DOWN);
	session->record.ended_down = has_ended(session, UP);
	session->record.bytes_up = session->accounts[UP].written;
	session->record.bytes_down = session->accounts[DOWN].written;
	return 0;
}

static void reset(struct recovery *recovery, struct returning *session, int error)
{
	const struct csp_session_record *record = &session->record;
	const int32_t pipes[] = {
	        record->pipe_up[0], record->pipe_up[1], record->pipe_down[0], record->pipe_down[1]};
	uint64_t refs[] = {record->stored, record->stored_pipe_up, record->stored_pipe_down};

	recovery->counts->ended++;
	recovery->counts->unsafe += error == -ENODATA;
	for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++)
		if (refs[i] != 0)
			store_forget(recovery->plane->loops[0], refs[i]);
	for (int leg = DOWN; leg <= UP; leg++) {
		tcp_reset(fd_of(session, leg)); /* of a unix socket it does nothing: shutdown does */
		(void)shutdown(fd_of(session, leg), SHUT_RDWR); /* ENOTCONN: the reset was enough */
		sys_close(fd_of(session, leg));
	}
	for (size_t i = 0; i < sizeof pipes / sizeof pipes[0]; i++)
		sys_close(pipes[i]);
}

static csp_loop *next_loop(struct recovery *recovery)
{
	return recovery->plane->loops[recovery->next_loop++ % recovery->plane->options.loops];
}

static void bring_back(struct recovery *recovery, struct returning *session)
{
	csp_session number;
	int error = work_out(recovery, session);

	if (error == 0)
		error = csp_loop_adopt(next_loop(recovery), &session->record, &number);
	if (error == 0)
		recovery->counts->sessions++;
	else
		reset(recovery, session, error);
}

/* A client that nobody has joined yet begins anew, in the store no more. */
static void bring_back_client(struct recovery *recovery, struct shelf_found *found)
{
	csp_loop *loop = next_loop(recovery);
	bool is_tcp = sys_get_int(found->fds[0], SOL_SOCKET, SO_DOMAIN) != AF_UNIX;
	struct session *session;

	store_forget(loop, found->ref);
	if (loop->queue_count >= EVENT_QUEUE / 2) {
		tcp_reset(found->fds[0]);
		close_found(found);
		recovery->counts->ended++;
		return;
	}
	loop->now_ns = sys_now_ns();
	session = session_accept(loop, found->fds[0], is_tcp);
	*found = (struct shelf_found){.fds = {-1, -1}};
	if (session == NULL) {
		recovery->counts->ended++;
		return;
	}

	struct csp_event event = {
	        .session = session_number(session), .kind = CSP_EVENT_ACCEPTED, .endpoint = CSP_ENDPOINT_NONE};

	(void)loop_push_event(loop, &event); /* there is room: see above */
	recovery->counts->clients++;
}

/* ---- all of them ---- */

static int walk(struct recovery *recovery)
{
	for (uint32_t i = 0; i < recovery->shelves; i++) {
		struct shelf *shelf = atomic_load(&recovery->store->shelves[i]);
		int result;

		if (shelf == NULL)
			continue;
		shelf->free_count = shelf->messages = 0;
		result = shelf_walk(recovery->store, shelf, &recovery->found[(size_t)i * TABLE_ENTRIES]);
		if (result < 0)
			return result;
	}
	return 0;
}

static void begin(struct recovery *recovery, struct shelf_found *found, struct returning *session)
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

static enum entry_state state_of(const struct recovery *recovery, const struct shelf_found *found)
{
	const struct table_entry *entry = table_find(recovery->store->table, found->ref);

	return entry == NULL ? ENTRY_FREE : (enum entry_state)atomic_load(&entry->state);
}

static int recover(struct recovery *recovery)
{
	size_t count = (size_t)recovery->shelves * TABLE_ENTRIES;
	struct returning *sessions = calloc(count + 1, sizeof *sessions);
	int result;

	if (sessions == NULL)
		return -ENOMEM;
	result = walk(recovery);
	for (size_t i = 0; i < count; i++)
		if (state_of(recovery, &recovery->found[i]) == ENTRY_SESSION)
			begin(recovery, &recovery->found[i], &sessions[i]);
	for (size_t i = 0; i < count; i++)
		if (state_of(recovery, &recovery->found[i]) == ENTRY_PIPE)
			place_pipe(recovery, &recovery->found[i], sessions);
	for (size_t i = 0; i < count; i++)
		if (sessions[i].entry != NULL)
			bring_back(recovery, &sessions[i]);
	for (size_t i = 0; i < count; i++) {
		if (recovery->found[i].ref == 0)
			continue;
		if (state_of(recovery, &recovery->found[i]) == ENTRY_CLIENT) {
			bring_back_client(recovery, &recovery->found[i]);
			continue;
		}
		store_forget(recovery->plane->loops[0], recovery->found[i].ref);
		close_found(&recovery->found[i]);
	}
	free(sessions);
	return result;
}

int csp_plane_recover(csp_plane *plane, struct csp_recovery *counts)
{
	struct recovery recovery = {.plane = plane, .store = plane->store, .counts = counts};
	int result;

	*counts = (struct csp_recovery){0};
	if (plane->store == NULL)
		return -ENOENT;
	recovery.shelves = atomic_load(&plane->store->shelf_count);
	recovery.found = calloc((size_t)recovery.shelves * TABLE_ENTRIES + 1, sizeof *recovery.found);
	if (recovery.found == NULL)
		return -ENOMEM;
	result = recover(&recovery);
	free(recovery.found);
	for (uint32_t i = 0; i < CSP_LOOPS_MAX; i++)
		atomic_store(&table_buffer(plane->store->table, i)->owner, 0);
	return result;
}
