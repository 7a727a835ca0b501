/* A list of the live sessions of a loop, for people: made in small pieces, so that no turn becomes long. */
#ifndef CSP_LIST_H
#define CSP_LIST_H

#include "CSplice.h"

/* What a session is doing. */
enum csp_session_state : uint32_t {
	CSP_SESSION_DIALING = 1,       /* not joined yet */
	CSP_SESSION_OPEN = 2,          /* bytes may flow in both directions */
	CSP_SESSION_CLIENT_DONE = 3,   /* the client has sent its last byte */
	CSP_SESSION_ENDPOINT_DONE = 4, /* the endpoint has sent its last byte */
} CSP_CLOSED_ENUM;

struct csp_session_summary {
	csp_session session;
	enum csp_session_state state;
	uint32_t endpoint; /* the endpoint slot, or CSP_ENDPOINT_NONE */
	uint64_t bytes_up;
	uint64_t bytes_down;
	uint64_t accepted_at_ns; /* CLOCK_MONOTONIC */
	uint64_t idle_ms;        /* since the last byte in either direction, UINT64_MAX: not known */
	bool is_unix;            /* the client came through a unix socket: client means nothing */
	struct csp_address client;
};

/*
 * Copies the sessions in the next slots of the loop, from *cursor on (0 at first), and moves *cursor behind
 * them. Looks at no more than 256 slots, and stops when capacity is used up. Returns how many were copied;
 * there are no more when *cursor is UINT32_MAX. A session that begins or ends between two calls may or may
 * not be seen; none is seen twice. The loop's own thread.
 */
CSP_PUBLIC int csp_loop_list(csp_loop *_Nonnull loop, uint32_t *_Nonnull cursor,
        struct csp_session_summary *_Nonnull summaries, uint32_t capacity);

#endif
