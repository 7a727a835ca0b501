#include "store.h"

/*
 * Keepalive and TCP_USER_TIMEOUT mean nothing to a connection that lives for milliseconds, yet to set them
 * takes four system calls. So an upstream leg gets them when its session is a second old. (A client's leg has
 * them from its listener for nothing.) Then it is stored too, if there is a store. Sessions wait in the order
 * in which they were joined; one deadline of the loop is for all.
 */

#define GROWN_UP_NS 1000000000u
/* How much longer the first may wait, so that the loop wakes up once for many. */
#define SLACK_NS 500000000u
/* So many in one turn: each takes seven system calls where it is stored. */
#define GROW_UP_BATCH 128u
/* When to look again for a shelf that was asked for. */
#define SHELF_RETRY_NS 10000000u

static struct session *session_at(const csp_loop *loop, uint32_t index)
{
	return index == SLAB_NONE ? NULL : slab_at(&loop->sessions, index);
}

void young_add(csp_loop *loop, struct session *session)
{
	struct session *last = session_at(loop, loop->young_last);

	session->is_young = true;
	session->next_young = SLAB_NONE;
	session->previous_young = loop->young_last;
	if (last == NULL)
		loop->young_first = session->slot.index;
	else
		last->next_young = session->slot.index;
	loop->young_last = session->slot.index;
	if (loop->young_at_ns == 0)
		loop->young_at_ns = loop->now_ns + GROWN_UP_NS + SLACK_NS;
}

void young_forget(csp_loop *loop, struct session *session)
{
	struct session *next = session_at(loop, session->next_young);
	struct session *previous = session_at(loop, session->previous_young);

	if (!session->is_young)
		return;
	if (previous == NULL)
		loop->young_first = session->next_young;
	else
		previous->next_young = session->next_young;
	if (next == NULL)
		loop->young_last = session->previous_young;
	else
		next->previous_young = session->previous_young;
	session->is_young = false;
}

bool young_grow_up(csp_loop *loop, struct session *session)
{
	if (!session->is_young)
		return true;
	tcp_set_patience(session->legs[UP].fd, loop->plane);
	if (loop->plane->store != NULL && keep_session(loop, session) == -ENOSPC) {
		/* It keeps its place, and is stored as soon as there is the shelf that was asked for. */
		loop->young_at_ns = loop->now_ns + SHELF_RETRY_NS;
		return false;
	}
	young_forget(loop, session);
	return true;
}

/* Somebody was told that a shelf is wanted, and has not answered yet. */
static bool is_shelf_awaited(const csp_loop *loop)
{
	return loop->plane->store != NULL && atomic_load(&loop->plane->store->is_short);
}

/* A deadline whose sessions have all ended is let pass once: to move it at each end would cost short sessions
 * more. */
void young_check(csp_loop *loop)
{
	struct session *first = session_at(loop, loop->young_first);

	for (uint32_t count = 0; first != NULL && first->joined_at_ns + GROWN_UP_NS <= loop->now_ns;
	        count++) {
		if (is_shelf_awaited(loop)) {
			loop->young_at_ns = loop->now_ns + SHELF_RETRY_NS;
			return;
		}
		if (count == GROW_UP_BATCH) {
			loop->young_at_ns = loop->now_ns; /* the others first */
			return;
		}
		if (!young_grow_up(loop, first))
			return;
		first = session_at(loop, loop->young_first);
	}
	loop->young_at_ns = first == NULL ? 0 : first->joined_at_ns + GROWN_UP_NS + SLACK_NS;
}
