#include "internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* So many slots are looked at in one call: each live session costs two or three system calls. */
#define LIST_SLOTS 256u

static enum csp_session_state state_of(const struct session *session)
{
	if (session->state == SESSION_DIALING)
		return CSP_SESSION_DIALING;
	if (session->relays[DOWN].state != RELAY_READING)
		return CSP_SESSION_CLIENT_DONE;
	return session->relays[UP].state != RELAY_READING ? CSP_SESSION_ENDPOINT_DONE : CSP_SESSION_OPEN;
}

/* Milliseconds since the kernel last sent or received data on it. */
static uint64_t idle_ms(const struct leg *leg)
{
	struct tcp_info info;
	socklen_t length = sizeof info;

	if (!leg->is_tcp || getsockopt(leg->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		return UINT64_MAX;
	return info.tcpi_last_data_sent < info.tcpi_last_data_recv ? info.tcpi_last_data_sent
	                                                           : info.tcpi_last_data_recv;
}

static void summarize(const struct session *session, struct csp_session_summary *summary)
{
	const struct leg *client = &session->legs[DOWN];
	uint64_t idle_down = idle_ms(client);
	uint64_t idle_up = session->state == SESSION_OPEN ? idle_ms(&session->legs[UP]) : UINT64_MAX;
	struct sockaddr_storage system;
	socklen_t length = sizeof system;

	*summary = (struct csp_session_summary){
	        .session = session_number(session),
	        .state = state_of(session),
	        .endpoint = session->endpoint,
	        .bytes_up = session->relays[DOWN].bytes,
	        .bytes_down = session->relays[UP].bytes,
	        .accepted_at_ns = session->accepted_at_ns,
	        .idle_ms = idle_down < idle_up ? idle_down : idle_up,
	        .is_unix = !client->is_tcp,
	        .client = {.family = CSP_FAMILY_IPV4},
	};
	/* ENOTCONN: the client has just reset it; then its address is all zeros. */
	if (client->is_tcp && getpeername(client->fd, (struct sockaddr *)&system, &length) == 0)
		(void)address_from_system(&system, &summary->client); /* a TCP socket has one of ours */
}

int csp_loop_list(csp_loop *loop, uint32_t *cursor, struct csp_session_summary *summaries, uint32_t capacity)
{
	uint32_t slots = loop->sessions.chunks * SLAB_CHUNK_SLOTS;
	uint32_t count = 0;
	uint32_t end;

	if (*cursor >= slots) { /* UINT32_MAX included */
		*cursor = UINT32_MAX;
		return 0;
	}
	end = slots - *cursor < LIST_SLOTS ? slots : *cursor + LIST_SLOTS;
	for (; *cursor < end && count < capacity; (*cursor)++) {
		const struct session *session = slab_at(&loop->sessions, *cursor);

		if (session->slot.used)
			summarize(session, &summaries[count++]);
	}
	if (*cursor == slots)
		*cursor = UINT32_MAX;
	return (int)count;
}
