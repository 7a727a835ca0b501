#include "stage.h"
#include "faults.h"
#include "internal.h"

#include <string.h>

enum { STALLED = 4000000, STALL_PUMPS = 600, FULL = 3 };

/* So many bytes of what one side says, from its byte of that number on; count: TALK_BYTES at most. */
static const char *words_from(const struct pair *pair, uint64_t number, int side)
{
	static char words[2 * TALK_BYTES]; /* they go round, so that any part of them lies in one piece */

	for (uint32_t i = words[1] == 0 ? 0 : 2 * TALK_BYTES; i < 2 * TALK_BYTES; i++)
		words[i] = (char)(i * 31 + (i >> 8) * 7);
	return words + (number + (uint64_t)side * 7919 + pair->name * 1237) % TALK_BYTES;
}

static void be_gone(const struct pair *pair, struct side *side)
{
	must(pair->is_cut || (faults_fired() > 0 && !pair->is_strict), "a session was reset by nobody");
	side->is_gone = true;
}

uint32_t say(struct pair *pair, int at, uint32_t count)
{
	struct side *side = &pair->sides[at];
	ssize_t sent;

	if (side->fd < 0 || side->has_ended || side->is_gone)
		return 0;
	if (count > TALK_BYTES)
		count = TALK_BYTES;
	sent = send(side->fd, words_from(pair, side->said, at), count, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent == -1 && errno != EAGAIN)
		be_gone(pair, side); /* the error is told once: a read would find an end of stream */
	if (sent > 0)
		side->said += (uint64_t)sent;
	return sent > 0 ? (uint32_t)sent : 0;
}

void say_urgent(struct pair *pair, int at)
{
	struct side *side = &pair->sides[at];
	const char *word = words_from(pair, side->said, at);

	if (side->fd >= 0 && !side->is_gone && send(side->fd, word, 1, MSG_NOSIGNAL | MSG_OOB) == 1)
		side->said++;
}

void stall(struct stage *stage, struct pair *pair, int side, uint32_t piece)
{
	uint32_t left = STALLED;

	for (int count = 0, full = 0; left > 0 && count < STALL_PUMPS && full < FULL; count++) {
		uint32_t said = say(pair, side, left < piece ? left : piece);

		left -= said;
		full = said == 0 ? full + 1 : 0;
		pump(stage);
	}
}

/* Sound ends are told by an end of stream, all others by an error: there is no error on a unix socket. */
static void hear_end(struct pair *pair, struct side *side, const struct side *other)
{
	if (pair->is_cut || (other->has_ended && side->heard == other->said)) {
		side->heard_end = true;
		return;
	}
	must(pair->is_unix && faults_fired() > 0 && !pair->is_strict,
	        "an end of stream that nobody has said");
	side->is_gone = true;
}

void hear(struct stage *stage, struct pair *pair, int at)
{
	static char bytes[TALK_BYTES];
	struct side *side = &pair->sides[at];
	struct side *other = &pair->sides[1 - at];
	ssize_t got;

	(void)stage;
	while (side->fd >= 0 && !side->heard_end && !side->is_gone) {
		got = recv(side->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got == -1 && errno == EAGAIN)
			return;
		if (got == 0) {
			hear_end(pair, side, other);
			return;
		}
		if (got < 0) {
			be_gone(pair, side);
			return;
		}
		must(memcmp(bytes, words_from(pair, side->heard, 1 - at), (size_t)got) == 0,
		        "another byte than was sent");
		side->heard += (uint64_t)got;
		must(side->heard <= other->said, "more bytes than were sent");
	}
}

void end(struct pair *pair, int at)
{
	struct side *side = &pair->sides[at];

	if (side->fd < 0 || side->has_ended)
		return;
	side->has_ended = true;
	(void)shutdown(side->fd, SHUT_WR); /* ENOTCONN: it was reset before */
}

void cut(struct pair *pair, int at)
{
	pair->is_cut = true;
	if (pair->sides[at].fd < 0) /* nobody has served it: its client goes */
		at = 1 - at;
	if (pair->sides[at].fd < 0)
		return;
	close_at_once(pair->sides[at].fd);
	pair->sides[at].fd = -1;
}
