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
/* The same of a certain one, see slab_take_at. */
struct session *session_take_slot_at(csp_loop *loop, uint32_t index, uint32_t generation);
void session_free_slot(csp_loop *loop, struct session *session);
/* What a session held is free again: accepting may go on. Not called with a listener's lock held. */
void session_resume_accepting(csp_loop *loop);
void session_end_and_tell(
        csp_loop *loop, struct session *session, enum csp_end_reason reason, int error, bool reset);
/* An error of one side reaches the other as a reset: never as an end of stream. */
void session_fail(csp_loop *loop, struct session *session, int leg, int error);

struct table_rest;
/* As csp_loop_adopt; held: the session is in the loop's epoll set already, by what is said there; or NULL. */
int session_adopt(csp_loop *loop, const struct csp_session_record *record, const struct table_rest *held,
        csp_session *number);
/* What is known of a leg's readiness, as one number, and back. */
uint8_t leg_flags(const struct leg *leg);
void leg_set_flags(struct leg *leg, uint8_t flags);

#endif
