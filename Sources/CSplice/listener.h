/* What of accepting concerns those who open and close listeners. */
#ifndef CSPLICE_LISTENER_H
#define CSPLICE_LISTENER_H

#include "internal.h"

/*
 * A loop that shall not look at a listener. Hang-ups are reported whatever was asked for, and who gave us the
 * listener can shut it down: edge triggered they are told once; level triggered the loop would never sleep
 * again.
 */
#define DISARMED EPOLLET

static inline uint64_t listener_tag(uint32_t listener)
{
	return tag_make(TAG_LISTENER, listener, 0);
}

/* What a loop shall be told of a listener: EPOLLIN or DISARMED. Where a change is refused it is registered
 * anew; what is not registered at all is as good as disarmed. 0 or a negative errno. */
int listener_arm(csp_plane *plane, uint32_t index, uint32_t loop, uint32_t events);
/* Nobody accepts there for a while: of one that is locked, or while loops are at rest. */
void listener_pause(csp_loop *loop, uint32_t index, int error);
/* Whether it was paused, and is not any more. */
bool listener_resume(csp_plane *plane, uint32_t index);
bool plane_at_limit(csp_plane *plane);

#endif
