#include "session.h"

/* What the caller orders of sessions that run, and asks of them. */

int csp_session_close(csp_loop *loop, csp_session number, bool reset, struct csp_event *ended)
{
	struct session *session = session_find(loop, number);
	struct csp_event event;

	if (session == NULL)
		return -ENOENT;
	session_end(loop, session, CSP_END_ORDERED, 0, reset, ended != NULL ? ended : &event);
	return 0;
}

void session_reset_as_ordered(csp_loop *loop, struct session *session)
{
	session_end_and_tell(loop, session, CSP_END_ORDERED, 0, true);
}

int csp_loop_reset_endpoint(csp_loop *loop, uint32_t endpoint, uint32_t limit)
{
	struct endpoint_slot *slot = &loop->endpoints[endpoint];
	uint32_t room = EVENT_QUEUE - loop->queue_count;
	int count = 0;

	room = room > EVENT_QUEUE / 2 ? room - EVENT_QUEUE / 2
	                              : 0; /* the rest is for the next turn's own events */
	if (limit > room)
		limit = room;
	for (; limit > 0 && slot->first_session != 0; limit--, count++)
		session_reset_as_ordered(loop, slab_at(&loop->sessions, slot->first_session - 1));
	if (slot->first_session == 0) /* an order for some of them only mostly leaves others */
		slot->reset_at_ns = loop->now_ns;
	return count;
}

int csp_session_upstream_address(csp_loop *loop, csp_session number, struct csp_address *address)
{
	const struct session *session = session_find(loop, number);
	struct sockaddr_storage system;
	socklen_t length = sizeof system;

	if (session == NULL || session->state != SESSION_OPEN)
		return -ENOENT;
	if (getpeername(session->legs[UP].fd, (struct sockaddr *)&system, &length) == -1)
		return -errno;
	return address_from_system(&system, address);
}

csp_session csp_loop_any_session(csp_loop *loop, uint32_t endpoint)
{
	uint32_t first = loop->endpoints[endpoint].first_session;

	return first == 0 ? 0 : session_number(slab_at(&loop->sessions, first - 1));
}
