#include "internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/*
 * What the sessions of an endpoint tell about it, without a system call for any message and without a timer
 * for any session: only while an answer is owed is there one deadline a loop.
 */

static uint64_t check_at(const csp_loop *loop, uint64_t since_ns)
{
	return since_ns + (uint64_t)loop->plane->options.suspect_after_ms * 1000000u;
}

void evidence_count(csp_loop *loop, uint32_t endpoint, uint64_t up, uint64_t down)
{
	struct endpoint_slot *slot = &loop->endpoints[endpoint];

	if (up > 0) {
		counter_add(&slot->bytes_up, up);
		if (counter_get(&slot->unanswered_since_ns) == 0) {
			counter_set(&slot->unanswered_since_ns, loop->now_ns);
			if (loop->evidence_at_ns == 0 && loop->plane->options.suspect_after_ms > 0)
				loop->evidence_at_ns = check_at(loop, loop->now_ns);
		}
	}
	if (down > 0) {
		counter_add(&slot->bytes_down, down);
		counter_set(&slot->last_received_ns, loop->now_ns);
		counter_set(&slot->unanswered_since_ns, 0);
	}
}

/* How often the kernel has sent the oldest unacknowledged bytes of one of its sessions again. */
static uint32_t retransmissions(const csp_loop *loop, const struct endpoint_slot *slot)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;
	const struct session *session;

	if (slot->first_session == 0)
		return 0;
	session = slab_at(&loop->sessions, slot->first_session - 1);
	/* A unix socket or a forbidden option has nothing to say. */
	if (getsockopt(session->legs[UP].fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		return 0;
	return info.tcpi_retransmits;
}

static void suspect(csp_loop *loop, uint32_t endpoint, uint64_t silence_ns)
{
	struct endpoint_slot *slot = &loop->endpoints[endpoint];
	struct csp_event event = {
	        .kind = CSP_EVENT_SUSPECT,
	        .endpoint = endpoint,
	        .attempt = retransmissions(loop, slot),
	        .elapsed_ns = silence_ns,
	};

	slot->suspected_at_ns = loop->now_ns;
	(void)loop_push_event(loop, &event); /* no more of them than the queue has room for: evidence_check */
}

/* Looks at every endpoint that owes an answer, and finds out when to look again. */
void evidence_check(csp_loop *loop)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < loop->endpoints_used; i++) {
		struct endpoint_slot *slot = &loop->endpoints[i];
		uint64_t since = counter_get(&slot->unanswered_since_ns);
		uint64_t due;

		if (since == 0)
			continue;
		due = check_at(loop, since);
		if (due <= loop->now_ns) {
			uint64_t told_until = slot->suspected_at_ns + SUSPECT_EVERY_NS;

			if (told_until <= loop->now_ns && loop->queue_count < EVENT_QUEUE / 2)
				suspect(loop, i, loop->now_ns - since);
			due = loop->now_ns + SUSPECT_EVERY_NS;
		}
		if (next == 0 || due < next)
			next = due;
	}
	loop->evidence_at_ns = next;
}
