#include "store.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>

/* A direction's share of one turn: bounds what a bulk flow makes the others of its loop wait. */
#define TURN_BYTES 262144u
/* Copying turns into splicing after this many full reads in a row, and back after as many thin turns. */
#define FULL_READS_TO_SPLICE 2u
#define THIN_TURNS_TO_COPY 4u
#define THIN_BYTES ((uint64_t)2 * COPY_BYTES)

static enum turn fail(struct failure *failure, int leg, int error)
{
	*failure = (struct failure){.leg = leg, .error = error};
	return TURN_FAILED;
}

static void deliver(csp_loop *loop, struct relay *relay, size_t bytes)
{
	relay->bytes += bytes;
	counter_add(
	        relay->pipe != NULL ? &loop->counters.bytes_spliced : &loop->counters.bytes_copied, bytes);
}

/* Keeps what was read and not taken. -ENOMEM: the bytes are lost, so the session must end. */
static int stash_keep(csp_loop *loop, struct relay *relay, const char *bytes, uint32_t length)
{
	struct stash *stash;

	/* What was flushed in this turn has left its pipe behind, which must not be forgotten for another
	 * one. */
	if (relay->pipe != NULL) {
		pipe_give_back(loop, relay->pipe);
		relay->pipe = NULL;
	}
	if (relay->ref != 0) {
		if (keep_bytes(loop, relay, bytes, length))
			return 0;
		keep_safe(loop, relay, false);
	}
	stash = malloc(sizeof *stash + length);
	if (stash == NULL)
		return -ENOMEM;
	stash->start = 0;
	stash->end = length;
	memcpy(stash->bytes, bytes, length);
	relay->stash = stash;
	relay->queued = length;
	return 0;
}

/* Sends queued bytes. Where some are left, the other side is full: EAGAIN cannot mean an empty pipe here. */
static enum turn flush(csp_loop *loop, struct relay *relay, struct leg *to, struct failure *failure)
{
	struct stash *stash = relay->stash;
	ssize_t sent = stash != NULL
	                       ? sys_send(to->fd, stash->bytes + stash->start, stash->end - stash->start, 0)
	                       : sys_splice(relay->pipe->ends[0], to->fd, relay->queued);

	if (sent == -EAGAIN) {
		to->writable = false;
		return TURN_WAIT;
	}
	if (sent < 0)
		return fail(failure, 1, (int)-sent);
	if (sent == 0)
		return fail(failure, 2, EIO); /* a pipe with bytes in it never reads as empty */

	deliver(loop, relay, (size_t)sent);
	relay->queued -= (uint32_t)sent;
	if (stash != NULL) {
		stash->start += (uint32_t)sent;
		if (relay->queued == 0) {
			free(stash);
			relay->stash = NULL;
		}
	}
	return TURN_AGAIN;
}

/* End of stream is a note, not an act: what is queued goes out first. */
static void note_end_of_stream(struct relay *relay)
{
	relay->state = RELAY_FLUSHING;
}

/* What a read that gave no bytes means; TURN_AGAIN for an end of stream. */
static enum turn nothing_read(struct relay *relay, struct leg *from, ssize_t result, struct failure *failure)
{
	if (result == 0) {
		note_end_of_stream(relay);
		return TURN_AGAIN;
	}
	if (result == -EAGAIN) {
		from->readable = false;
		return TURN_WAIT;
	}
	return fail(failure, 0, (int)-result);
}

/* A unix socket keeps no account of what went through it: a stored session splices there if it can. */
static bool are_accounted(const struct leg *from, const struct leg *to)
{
	return from->is_tcp && to->is_tcp;
}

/* Without accounts a copy is unsafe until its turn is over. */
static void keep_what_is_copied(
        csp_loop *loop, struct relay *relay, const struct leg *from, const struct leg *to)
{
	if (are_accounted(from, to))
		keep_copy(loop, relay);
	else
		keep_safe(loop, relay, false);
}

/*
 * Through the loop's buffer: the cheaper way up to 16 KiB a turn. A read that did not fill the buffer has
 * emptied the socket, so a second one that would say EAGAIN is saved; not so when an end of stream, an error
 * (hung_up) or an urgent mark, at which a read stops, may be behind it; nor on a unix socket, where a read
 * also stops behind passed descriptors.
 */
static enum turn fill_copying(
        csp_loop *loop, struct relay *relay, struct leg *from, struct leg *to, struct failure *failure)
{
	size_t room = COPY_BYTES;
	int flags = 0;

	if (from->urgent && from->is_tcp) {
		int at_mark = 0;

		if (ioctl(from->fd, SIOCATMARK, &at_mark) == 0 && at_mark) {
			/* Where it could not be kept in the stream a read would skip the urgent byte. */
			if (sys_get_int(from->fd, SOL_SOCKET, SO_OOBINLINE) != 1)
				return fail(failure, 0, ENOPROTOOPT);
			room = 1;
			flags = to->is_tcp ? MSG_OOB : 0; /* a unix peer gets the byte in the stream */
		}
	}

	if (relay->ref != 0)
		keep_what_is_copied(loop, relay, from, to);

	ssize_t got = sys_recv(from->fd, loop->buffer, room, 0);

	if (got <= 0) {
		relay->streak = 0; /* one full read with nothing behind it is an answer of that size, not a
		                      bulk flow */
		return nothing_read(relay, from, got, failure);
	}
	if ((size_t)got < room && from->is_tcp && !from->hung_up && !from->urgent)
		from->readable = false;
	relay->streak = (size_t)got == COPY_BYTES ? (uint8_t)(relay->streak + 1) : 0;
	if (relay->streak >= FULL_READS_TO_SPLICE && !relay->never_splice) {
		relay->splicing = true;
		relay->streak = 0;
	}

	ssize_t sent = sys_send(to->fd, loop->buffer, (size_t)got, flags);

	if (sent < 0 && sent != -EAGAIN)
		return fail(failure, 1, (int)-sent);
	if (sent < 0)
		sent = 0;
	deliver(loop, relay, (size_t)sent);
	if (sent < got) {
		to->writable = false;
		if (stash_keep(loop, relay, loop->buffer + sent, (uint32_t)(got - sent)) != 0)
			return fail(failure, 2, ENOMEM);
	}
	return TURN_AGAIN;
}

/*
 * A bulk flow for which there is no pipe: look, send, then take from the socket what was sent. Nothing is
 * ever kept in our memory, so thousands of slow readers cost none.
 */
static enum turn fill_peeking(
        csp_loop *loop, struct relay *relay, struct leg *from, struct leg *to, struct failure *failure)
{
	ssize_t got = sys_recv(from->fd, loop->buffer, PEEK_BYTES, MSG_PEEK);

	if (got <= 0)
		return nothing_read(relay, from, got, failure);
	if (relay->ref != 0 && !are_accounted(from, to))
		keep_safe(loop, relay, false);

	ssize_t sent = sys_send(to->fd, loop->buffer, (size_t)got, 0);

	if (sent == -EAGAIN) {
		to->writable = false;
		return TURN_WAIT;
	}
	if (sent < 0)
		return fail(failure, 1, (int)-sent);
	deliver(loop, relay, (size_t)sent);

	/* TCP can drop bytes without copying them (tcp(7), MSG_TRUNC); a unix socket cannot. */
	ssize_t taken = from->is_tcp ? sys_recv(from->fd, NULL, (size_t)sent, MSG_TRUNC)
	                             : sys_recv(from->fd, loop->buffer, (size_t)sent, 0);

	if (taken != sent)
		return fail(failure, 0, taken < 0 ? (int)-taken : EIO);
	return TURN_AGAIN;
}

/* A pipe for this relay: for that of a stored session a stored one, or NULL. */
static struct pipe *pipe_for(csp_loop *loop, const struct relay *relay)
{
	struct pipe *pipe = pipe_take(loop);

	if (pipe == NULL || relay->ref == 0)
		return pipe;
	if (pipe->ref == 0) {
		pipe_give_back(loop, pipe);
		return NULL;
	}
	keep_pipe_for(loop, pipe, relay->ref);
	return pipe;
}

/* The pipe is empty here, so EAGAIN means an empty socket, never a full pipe. */
static enum turn fill_splicing(
        csp_loop *loop, struct relay *relay, struct leg *from, struct leg *to, struct failure *failure)
{
	if (relay->pipe == NULL && (relay->pipe = pipe_for(loop, relay)) == NULL)
		return fill_peeking(loop, relay, from, to, failure);

	ssize_t got = sys_splice(from->fd, relay->pipe->ends[1], relay->pipe->bytes);

	if (got == -EINVAL || got == -ENOSYS || got == -EPERM) { /* this kernel or sandbox will not: copy */
		relay->never_splice = true;
		relay->splicing = false;
		return TURN_AGAIN;
	}
	if (got == 0 && from->is_tcp) { /* the end, or an urgent mark before it: a read tells them apart */
		from->urgent = relay->never_splice = true;
		relay->splicing = false;
		return TURN_AGAIN;
	}
	if (got <= 0)
		return nothing_read(relay, from, got, failure);
	relay->queued = (uint32_t)got;
	return TURN_AGAIN;
}

static enum turn fill(
        csp_loop *loop, struct relay *relay, struct leg *from, struct leg *to, struct failure *failure)
{
	if (from->urgent && !relay->never_splice) { /* splice never passes an urgent mark */
		relay->never_splice = true;
		relay->splicing = false;
	}
	if (relay->splicing || (relay->ref != 0 && !relay->never_splice && !are_accounted(from, to)))
		return fill_splicing(loop, relay, from, to, failure);
	return fill_copying(loop, relay, from, to, failure);
}

/* The queue is empty and the end was read: pass it on, unless a close of both sides is about to say the same.
 */
static enum turn finish(
        csp_loop *loop, struct relay *relay, struct leg *to, bool close_follows, struct failure *failure)
{
	if (relay->ref != 0)
		keep_ended(loop, relay);
	if (!close_follows && shutdown(to->fd, SHUT_WR) == -1)
		return fail(failure, 1, errno == ENOTCONN ? ECONNRESET : errno);
	relay->state = RELAY_DONE;
	return TURN_WAIT;
}

/* After the turn: an empty pipe goes back, and a flow that has become thin is copied again. */
static void settle(csp_loop *loop, struct relay *relay, uint64_t moved)
{
	if (relay->queued > 0)
		return;
	if (relay->pipe != NULL) {
		pipe_give_back(loop, relay->pipe);
		relay->pipe = NULL;
	}
	if (relay->is_unsafe)
		keep_safe(loop, relay, true);
	if (!relay->splicing)
		return;
	relay->streak = moved < THIN_BYTES ? (uint8_t)(relay->streak + 1) : 0;
	if (relay->streak >= THIN_TURNS_TO_COPY) {
		relay->splicing = false;
		relay->streak = 0;
	}
}

enum turn relay_turn(csp_loop *loop, struct relay *relay, struct leg *from, struct leg *to,
        bool close_follows, struct failure *failure)
{
	uint64_t before = relay->bytes;
	enum turn turn = TURN_WAIT;

	if (relay->state == RELAY_DONE)
		return TURN_WAIT;
	for (;;) {
		if (relay->queued > 0)
			turn = to->writable ? flush(loop, relay, to, failure) : TURN_WAIT;
		else if (relay->state == RELAY_FLUSHING)
			turn = finish(loop, relay, to, close_follows, failure);
		else if (!from->readable || !to->writable)
			turn = TURN_WAIT;
		else if (relay->bytes - before >= TURN_BYTES)
			break; /* there may be more, the others first: turn is TURN_AGAIN here */
		else
			turn = fill(loop, relay, from, to, failure);
		if (turn != TURN_AGAIN)
			break;
	}
	if (turn != TURN_FAILED)
		settle(loop, relay, relay->bytes - before);
	return turn;
}

int relay_stash_to_pipe(csp_loop *loop, struct relay *relay)
{
	struct stash *stash = relay->stash;

	if (stash == NULL)
		return 0;

	struct pipe *pipe = pipe_take_beyond_budget(loop);

	if (pipe == NULL)
		return -EMFILE;
	if (relay->ref != 0 && pipe->ref != 0)
		keep_pipe_for(loop, pipe, relay->ref);

	/* A stash is at most 16 KiB and the pipe is empty with at least 64 KiB: one write takes all of it. */
	ssize_t written =
	        SYS_RETRY(ssize_t, write(pipe->ends[1], stash->bytes + stash->start, relay->queued));

	if (written != (ssize_t)relay->queued) {
		pipe_destroy(loop, pipe);
		return written < 0 ? (int)written : -EIO;
	}
	free(stash);
	relay->stash = NULL;
	relay->pipe = pipe;
	if (relay->ref != 0)
		keep_safe(loop, relay, pipe->ref != 0);
	return 0;
}

void relay_discard(csp_loop *loop, struct relay *relay)
{
	free(relay->stash);
	relay->stash = NULL;
	if (relay->pipe != NULL && relay->queued > 0)
		pipe_destroy(loop, relay->pipe);
	else if (relay->pipe != NULL)
		pipe_give_back(loop, relay->pipe);
	relay->pipe = NULL;
	relay->queued = 0;
}
