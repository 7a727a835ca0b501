/* A recovery under way: what recover.c and returning.c share. */
#ifndef CSPLICE_RECOVER_H
#define CSPLICE_RECOVER_H

#include "account.h"
#include "store.h"

struct recovery {
	csp_plane *plane;
	struct store *store;
	struct shelf_found *found;  /* TABLE_ENTRIES of each shelf */
	struct returning *sessions; /* the same */
	uint32_t shelves;
	uint64_t mark;        /* of the table as it was found; 0: who had it did not leave in order */
	_Atomic int64_t room; /* descriptors that sessions, clients and pipes may have yet */
	struct csp_recovery counts[CSP_LOOPS_MAX]; /* of each loop */
	int results[CSP_LOOPS_MAX];
	bool is_partial; /* not all could be looked at: what is not there may be there all the same */
};

/* A session on its way back. */
struct returning {
	const struct table_entry *entry;
	struct csp_session_record record;
	struct account accounts[2]; /* DOWN, UP */
	bool is_tcp[2];
	bool lacks_pipe;               /* there was no room for one that may have bytes of it */
	bool is_doubtful;              /* nobody knows what waits */
	uint32_t loop;                 /* that brings it back */
	const struct table_rest *held; /* it is in that loop's epoll set already, by this; or NULL */
};

/* Brings a session back that has all its pipes, or resets it. */
void returning_bring_back(csp_loop *loop, struct returning *session);

#endif
