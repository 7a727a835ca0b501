#include "internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/*
 * What the sessions of an endpoint tell about it, without a system call for any message and without a timer
 * for any session: only while an answer is expected is there one deadline a loop.
 */

/* So many suspicions of one silence are told at SUSPECT_EVERY_NS; then it is likely that nothing is owed: a
 * client's last word may need no answer. The pause doubles, up to the longest, until there are new bytes. */
#define SUSPICIONS_PROMPT 4u
#define SUSPICION_DOUBLINGS 5u /* 32 s */

static uint64_t patience_ns(const csp_loop *loop)
{
	return (uint64_t)loop->plane->options.suspect_after_ms * 1000000u;
}

/* Looked at half-way for the first time: a host that is gone is known by then. */
static void expect_answer(csp_loop *loop, struct endpoint_slot *slot, const struct session *asker)
{
	if (patience_ns(loop) == 0)
		return;
	slot->asked_at_ns = loop->now_ns;
	slot->asker = session_number(asker);
	slot->suspicions = 0;
	slot->check_at_ns = loop->now_ns + patience_ns(loop) / 2;
	if (loop->evidence_at_ns == 0 || slot->check_at_ns < loop->evidence_at_ns)
		loop->evidence_at_ns = slot->check_at_ns;
}

void evidence_count(csp_loop *loop, const struct session *session, uint64_t up, uint64_t down)
{
	struct endpoint_slot *slot = &loop->endpoints[session->endpoint];

	if (up > 0) {
		counter_add(&slot->bytes_up, up);
		if (counter_get(&slot->unanswered_since_ns) == 0) {
			counter_set(&slot->unanswered_since_ns, loop->now_ns);
			expect_answer(loop, slot, session);
		} else if (slot->suspicions >= SUSPICIONS_PROMPT) {
			expect_answer(loop, slot, session);
		}
	}
	if (down > 0) {
		counter_add(&slot->bytes_down, down);
		counter_set(&slot->last_received_ns, loop->now_ns);
		counter_set(&slot->unanswered_since_ns, 0);
	}
}

/* Whether the kernel has waited in vain for the acknowledgement of what the asker sent: the host is gone, or
 * the way to it; a process that hangs has a kernel that acknowledges. */
static bool is_sent_again(csp_loop *loop, const struct endpoint_slot *slot)
{
	const struct session *asker = session_find(loop, slot->asker);
	struct tcp_info info = {0};
	socklen_t length = sizeof info;

	if (asker == NULL || asker->state != SESSION_OPEN)
		return false;
	/* Where the option is forbidden it has nothing to say. */
	if (getsockopt(asker->legs[UP].fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		return false;
	return info.tcpi_retransmits > 0;
}

static void suspect(csp_loop *loop, struct endpoint_slot *slot)
{
	struct csp_event event = {
	        .kind = CSP_EVENT_SUSPECT,
	        .endpoint = (uint32_t)(slot - loop->endpoints),
	        .elapsed_ns = loop->now_ns - slot->asked_at_ns,
	};

	slot->suspected_at_ns = loop->now_ns;
	slot->suspicions++;
	(void)loop_push_event(loop, &event); /* no more of them than the queue has room for: look */
}

static uint64_t pause_ns(uint32_t suspicions)
{
	uint32_t doublings = suspicions > SUSPICIONS_PROMPT ? suspicions - SUSPICIONS_PROMPT : 0;

	return (uint64_t)SUSPECT_EVERY_NS
	       << (doublings < SUSPICION_DOUBLINGS ? doublings : SUSPICION_DOUBLINGS);
}

/* Returns when to look again. */
static uint64_t look(csp_loop *loop, struct endpoint_slot *slot)
{
	uint64_t due = slot->asked_at_ns + patience_ns(loop);
	uint64_t told_until = slot->suspected_at_ns == 0 ? 0 : slot->suspected_at_ns + SUSPECT_EVERY_NS;

	if (loop->now_ns < due && !is_sent_again(loop, slot))
		return due;
	if (loop->now_ns < told_until)
		return told_until;
	if (loop->queue_count < EVENT_QUEUE / 2)
		suspect(loop, slot);
	return loop->now_ns + pause_ns(slot->suspicions);
}

/* Looks at every endpoint from which an answer is expected, and finds out when to look again. */
void evidence_check(csp_loop *loop)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < loop->endpoints_used; i++) {
		struct endpoint_slot *slot = &loop->endpoints[i];

		if (slot->check_at_ns == 0)
			continue;
		if (counter_get(&slot->unanswered_since_ns) == 0) {
			slot->check_at_ns = 0;
			continue;
		}
		if (slot->check_at_ns <= loop->now_ns)
			slot->check_at_ns = look(loop, slot);
		if (next == 0 || slot->check_at_ns < next)
			next = slot->check_at_ns;
	}
	loop->evidence_at_ns = next;
}
