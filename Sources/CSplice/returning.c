#include "recover.h"
#include "session.h"

#include <string.h>

/*
 * One session on its way back. What it has in flight is worked out from what the kernel knows: the accounts
 * of its connections, and what is in the pipe that its entry names. Where the two do not agree, the session
 * is reset: a byte too many or too few is worse than an end. Of a process that has left in order the table
 * knows all that, and the kernel is not asked.
 */

static int32_t fd_of(const struct returning *session, int leg)
{
	return leg == DOWN ? session->record.downstream : session->record.upstream;
}

/* Whether bytes may wait in a pipe that is not here. */
static bool may_lack_pipe(const struct recovery *recovery, const struct returning *session)
{
	return recovery->is_partial || session->lacks_pipe;
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

	if (may_lack_pipe(recovery, session) || buffer == NULL || written < buffer->delivered ||
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

/* What the process that has left in order knew of it; false where it has not, or where a pipe holds something
 * else. */
static bool is_settled(const struct recovery *recovery, struct returning *session)
{
	struct csp_session_record *record = &session->record;
	const struct table_rest *rest = store_rest(recovery->store, record->stored);

	if (recovery->mark == 0 || rest == NULL || atomic_load(&rest->settled) != recovery->mark ||
	        rest->queued[DOWN] != record->bytes_in_pipe_up ||
	        rest->queued[UP] != record->bytes_in_pipe_down)
		return false;
	record->bytes_up = rest->bytes[DOWN];
	record->bytes_down = rest->bytes[UP];
	record->ended_up = atomic_load(&session->entry->ended[DOWN]) != 0;
	record->ended_down = atomic_load(&session->entry->ended[UP]) != 0;
	return true;
}

static bool is_unsafe(const struct returning *session)
{
	return atomic_load(&session->entry->unsafe[DOWN]) != 0 ||
	       atomic_load(&session->entry->unsafe[UP]) != 0;
}

static int work_out(csp_loop *loop, struct returning *session)
{
	int error;

	if (session->is_doubtful)
		return -ENODATA;
	if (is_settled(loop->recovery, session))
		return is_unsafe(session) ? -ENODATA : 0;

	for (int leg = DOWN; leg <= UP; leg++) {
		if (session->is_tcp[leg] &&
		        (error = account_read(fd_of(session, leg), leg == UP, &session->accounts[leg])) < 0)
			return error;
		/* Closed, and not by us: that was a reset whose error somebody has read already. */
		if (session->is_tcp[leg] && session->accounts[leg].is_closed &&
		        atomic_load(&session->entry->ended[1 - leg]) == 0)
			return -ECONNRESET;
	}
	/* Of a unix socket there is no account that would miss the pipe. */
	if (is_unsafe(session) ||
	        (may_lack_pipe(loop->recovery, session) && !(session->is_tcp[DOWN] && session->is_tcp[UP])))
		return -ENODATA;
	for (int from = DOWN; from <= UP; from++)
		if (session->is_tcp[DOWN] && session->is_tcp[UP] &&
		        (error = balance_accounts(loop, session, from)) < 0)
			return error;
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
		cut_off(fd_of(session, leg), session->is_tcp[leg]);
		sys_close(fd_of(session, leg));
	}
	for (size_t i = 0; i < sizeof pipes / sizeof pipes[0]; i++)
		sys_close(pipes[i]);
}

void returning_bring_back(csp_loop *loop, struct returning *session)
{
	csp_session number;
	int error = work_out(loop, session);

	if (error == 0)
		error = session_adopt(loop, &session->record, session->held, &number);
	if (error == 0)
		loop->recovery->counts[loop->index].sessions++;
	else
		reset(loop, session, error);
}
