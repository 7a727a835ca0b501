/* How sessions come and go: what session.c, turn.c, order.c and take.c share. */
#ifndef CSPLICE_SESSION_H
#define CSPLICE_SESSION_H

#include "internal.h"

/* What epoll says of a leg carries this. */
uint64_t session_leg_tag(const struct session *session, int leg);
/* Counts a session among those of an endpoint, or no more. */
void session_link(csp_loop *loop, struct session *session, uint32_t endpoint);
void session_unlink(csp_loop *loop, struct session *session);
/* A slot of the loop, counted with its descriptors; NULL: no memory. */
struct session *session_take_slot(csp_loop *loop);
void session_free_slot(csp_loop *loop, struct session *session);
/* What a session held is free again: accepting may go on. Not called with a listener's lock held. */
void session_resume_accepting(csp_loop *loop);
void session_end_and_tell(
        csp_loop *loop, struct session *session, enum csp_end_reason reason, int error, bool reset);
/* An error of one side reaches the other as a reset: never as an end of stream. */
void session_fail(csp_loop *loop, struct session *session, int leg, int error);

#endif
