#include "internal.h"

#include <stdlib.h>

static const struct csp_address nobody = {.family = CSP_FAMILY_IPV4};

static void begin(csp_loop *loop, struct session *session)
{
	if (!atomic_load_explicit(&loop->plane->names_peers, memory_order_relaxed))
		return;
	session->names = malloc(sizeof *session->names); /* without memory it has no names */
	if (session->names != NULL)
		*session->names = (struct names){.client = nobody, .upstream = nobody};
}

static void ask(const struct leg *leg, struct csp_address *address)
{
	struct sockaddr_storage system;
	socklen_t length = sizeof system;

	/* ENOTCONN: it has ended. */
	if (leg->is_tcp && getpeername(leg->fd, (struct sockaddr *)&system, &length) == 0)
		(void)address_from_system(&system, address); /* a TCP socket has one of ours */
}

void names_of_client(csp_loop *loop, struct session *session, const struct csp_address *client)
{
	begin(loop, session);
	if (session->names != NULL && client != NULL)
		session->names->client = *client;
}

void names_of_upstream(struct session *session)
{
	if (session->names != NULL)
		ask(&session->legs[UP], &session->names->upstream);
}

void names_of_both(csp_loop *loop, struct session *session)
{
	begin(loop, session);
	if (session->names != NULL)
		ask(&session->legs[DOWN], &session->names->client);
	names_of_upstream(session);
}

void names_tell(const struct session *session, struct csp_event *event)
{
	event->client = session->names != NULL ? session->names->client : nobody;
	event->upstream = session->names != NULL ? session->names->upstream : nobody;
}
