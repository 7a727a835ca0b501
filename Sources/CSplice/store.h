/*
 * The store: where sessions outlive the process. A shelf is a pair of unix sockets whose queue holds messages
 * that nobody receives; each carries descriptors (SCM_RIGHTS) of a session or a pipe, and names an entry of
 * the table that says what has become of it. Whoever holds shelves and table after us (a service manager, or
 * what we execute) has everything. docs/decisions/0021-sessions-outlive-the-process.md says why it is built
 * so.
 */
#ifndef CSPLICE_STORE_H
#define CSPLICE_STORE_H

#include "internal.h"
#include "table.h"

/* What a message says beside its descriptors. */
struct shelf_message {
	table_ref ref;
	uint32_t descriptors;
	uint32_t check;
};

struct shelf {
	pthread_mutex_t lock;
	uint32_t number;
	int ends[2];           /* messages go in at the first and queue up at the second; -1: no shelf */
	uint32_t messages;     /* in the queue */
	uint32_t capacity;     /* as many as it has ever taken; TABLE_ENTRIES until it was full once */
	uint32_t unseen;       /* of this round of compaction */
	bool is_unordered;     /* nobody knows which end is which: nothing may go in */
	_Atomic uint32_t held; /* of the living, by csp_plane_hold */
	_Atomic uint32_t dead; /* messages of the dead */
	uint16_t free_count;   /* entries without a message */
	uint16_t free[TABLE_ENTRIES];
};

struct store {
	struct table *table;
	_Atomic bool is_final; /* there will be no more shelves */
	bool is_kept;          /* by somebody else too: what he throws away must end as cut off */
	_Atomic bool is_short; /* there is no room, and somebody was told so */
	uint64_t mark;         /* of the leave under way, or done; 0: none */
	bool was_held;         /* csp_plane_hold has begun here */
	uint64_t held;         /* the mark under which an execve(2) has left descriptors open; 0: none */
	_Atomic uint32_t shelf_count; /* one more than the highest number in use */
	_Atomic(struct shelf *) shelves[CSP_SHELVES_MAX];
};

/* What is to lie on a shelf. */
struct parking {
	enum entry_state state;
	uint32_t count; /* of descriptors */
	int fds[2];
	uint64_t opened_at_ns;
	uint32_t endpoint;
	uint32_t is_unix; /* as in the entry */
};

/* A living message of a shelf, with duplicates of its descriptors. */
struct shelf_found {
	table_ref ref; /* 0: none */
	int fds[2];    /* -1 and -1: there was no room for them in this process */
};

/* Unmaps the table and closes the shelves: what lies on them is somebody else's, or goes. NULL is harmless.
 */
void store_close(struct store *store);
/* Parks descriptors under a new entry. 0 or -ENOSPC: no shelf has room; -EMFILE, -ETOOMANYREFS, -ENOMEM, … */
int store_park(csp_loop *loop, const struct parking *parking, table_ref *ref);
/* What ref names has ended. Its message goes with the next compaction. */
void store_forget(csp_loop *loop, table_ref ref);
/* Takes messages of the dead out of shelves that have some, a bounded number in one call. */
void store_compact(csp_loop *loop);
/* Lets the loop do that after a while. */
void store_compact_soon(csp_loop *loop);

/* ---- message.c ---- */

uint32_t shelf_message_check(const struct shelf_message *message);
/* Whether a message of so many bytes was sent by a gateway, and came whole. */
bool shelf_message_is_ours(const struct shelf_message *message, ssize_t length);
int shelf_send(const struct shelf *shelf, const struct shelf_message *message, const int *fds);
/* What a look at a queue finds. Or it is a negative errno. */
enum {
	FOUND_NONE = 0,
	FOUND_MESSAGE = 1, /* with ref 0 it is none of ours */
	FOUND_CUT = 2,     /* one of ours, but there is no room for the descriptors that came with it */
};

/* Peeks or receives one message. */
int shelf_receive(int end, int flags, struct shelf_message *message, int fds[static 2]);
/* Looks at the first message without its descriptors, which cost more than all the rest. */
int shelf_peek(int end, struct shelf_message *message);

/* Whether ref names a living entry of this shelf. */
bool shelf_is_living(struct store *store, const struct shelf *shelf, table_ref ref);

/* ---- walk.c ---- */

/*
 * Finds out at which end the messages are, counts them, and finds each that lives, once. The descriptors are
 * the caller's; room says how many more he may have, and is lessened. For whom there is none is reset, as far
 * as a reset can be sent without keeping a descriptor. Where not all could be looked at an errno is returned,
 * and so many sessions and clients more were given up: the next compaction ends them.
 */
int shelf_walk(struct store *store, struct shelf *shelf, _Atomic int64_t *room,
        struct shelf_found found[static TABLE_ENTRIES], uint32_t *given_up);
/* Finds out which end is which; or a negative errno: then nobody knows. */
int shelf_put_in_order(struct store *store, struct shelf *shelf);
/* Notes in the table which end is which. */
void shelf_note_ends(struct store *store, const struct shelf *shelf);

/* ---- held.c: descriptors that stay open over an execve(2) ---- */

/* The same as shelf_walk, by the table alone: false where it does not know of all. */
bool held_walk(struct store *store, struct shelf *shelf, struct shelf_found found[static TABLE_ENTRIES]);
/* What the epoll set of a loop here knows of a session that is held; NULL: none knows it. */
const struct table_rest *held_readiness(csp_plane *plane, table_ref ref);
/* This process stays: they are no longer for another program. */
void held_are_kept(csp_plane *plane);
/* The same of a client whom nobody has joined; it ends where the kernel has no memory for it. */
void held_return_client(csp_loop *loop, struct session *session);

/* What the table says of the entry that ref names beside it; NULL: its form has no place for that. */
static inline struct table_rest *store_rest(struct store *store, table_ref ref)
{
	return table_rest(store->table, table_ref_shelf(ref), table_ref_index(ref));
}

/* Does something for every loop, each in a thread of its own, while none runs. */
void for_each_loop(csp_plane *plane, void (*does)(csp_loop *loop));

/* ---- keep.c: what a stored session does otherwise ---- */

/* Stores a session. 0, or a negative errno; -ENOSPC: no shelf has room, which was told. */
int keep_session(csp_loop *loop, struct session *session);
/* Its end is near, by an order or by itself: whoever finds what is left of it ends it too. */
void keep_end(csp_loop *loop, struct session *session, bool reset);
/* The rest concerns a relay that has a ref, and a store. */
void keep_safe(csp_loop *loop, struct relay *relay, bool is_safe);
void keep_ended(csp_loop *loop, const struct relay *relay);
/* Whose bytes a pipe may hold from now on; 0: nobody's. */
void keep_pipe_for(csp_loop *loop, const struct pipe *pipe, table_ref relay);
/* The loop's buffer is about to be filled for this relay. */
void keep_copy(csp_loop *loop, struct relay *relay);
/* Another loop copies for it from now on: what this one has in its buffer would be taken for that. */
void keep_moved(csp_loop *loop, const struct session *session);
/* Puts bytes that could not be sent into a stored pipe. False: there is none, and the bytes are where they
 * were. */
bool keep_bytes(csp_loop *loop, struct relay *relay, const char *bytes, uint32_t length);

#endif
