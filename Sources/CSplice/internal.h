/* What the files of the data plane share. Nothing here is visible outside. */
#ifndef CSPLICE_INTERNAL_H
#define CSPLICE_INTERNAL_H

#include "CSplice.h"
#include "slab.h"
#include "sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/un.h>

/* Written by one thread, read by any: relaxed is enough, each value stands for itself. */
typedef _Atomic uint64_t counter;

static inline void counter_add(counter *value, uint64_t amount)
{
	atomic_store_explicit(
	        value, atomic_load_explicit(value, memory_order_relaxed) + amount, memory_order_relaxed);
}

static inline void counter_set(counter *value, uint64_t amount)
{
	atomic_store_explicit(value, amount, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* ---- pipe.c ---- */

struct pipe {
	int ends[2]; /* read end, write end */
	uint32_t bytes;
	uint32_t pages;
	uint64_t ref; /* of its entry in the store's table; 0: it is not stored */
	struct pipe *next;
};

/* A pipe that is empty, or NULL when the budget of pages or descriptors has none left: copy then. */
struct pipe *pipe_take(csp_loop *loop);
/* The same for bytes that must leave our memory: only the system can refuse it (NULL). */
struct pipe *pipe_take_beyond_budget(csp_loop *loop);
/* Takes an empty pipe back into the loop's pool, or closes it where the pool is full. */
void pipe_give_back(csp_loop *loop, struct pipe *pipe);
/* Closes a pipe that may hold bytes. */
void pipe_destroy(csp_loop *loop, struct pipe *pipe);
/* Hands descriptors over to the caller, or makes a pipe of descriptors that came from elsewhere. */
void pipe_release(csp_loop *loop, struct pipe *pipe, int32_t ends[2]);
struct pipe *pipe_adopt(csp_loop *loop, const int32_t ends[2], uint64_t ref);
void pipe_pool_destroy(csp_loop *loop);

/* ---- relay.c: one direction of a session ---- */

enum relay_state : uint8_t {
	RELAY_READING = 0,
	RELAY_FLUSHING = 1, /* end of stream was read; bytes are still queued here */
	RELAY_DONE = 2,     /* end of stream was passed on */
};

/* Bytes that were copied in but that the other side would not take yet. */
struct stash {
	uint32_t start;
	uint32_t end;
	char bytes[];
};

struct relay {
	uint64_t bytes; /* delivered */
	struct pipe *pipe;
	struct stash *stash;
	uint32_t queued; /* bytes read and not delivered: in the pipe or in the stash, never in both */
	enum relay_state state;
	bool splicing;
	bool never_splice; /* the kernel refused, or urgent data was seen */
	bool is_unsafe;    /* of a stored session: queued bytes are where no other process finds them */
	uint8_t streak;    /* full reads in a row while copying, thin turns in a row while splicing */
	uint64_t ref; /* of the session's entry in the store's table, with the direction; 0: not stored */
};

struct leg {
	int fd;
	bool readable;
	bool writable;
	bool hung_up; /* the peer's end of stream, a reset or an error is known to wait */
	bool failed;  /* EPOLLERR or EPOLLHUP was reported */
	bool urgent;  /* urgent data was announced once */
	bool is_tcp;
};

enum turn {
	TURN_WAIT = 0,   /* nothing more can be done before the next readiness */
	TURN_AGAIN = 1,  /* the turn's share is used up, there may be more */
	TURN_FAILED = 2, /* failure.leg says which side, failure.error why */
};

struct failure {
	int leg; /* 0: from, 1: to, 2: neither (our own shortage) */
	int error;
};

enum turn relay_turn(csp_loop *loop, struct relay *relay, struct leg *from, struct leg *to,
        bool close_follows, struct failure *failure);
/* Moves stashed bytes into a pipe, so that they outlive private memory. 0 or a negative errno. */
int relay_stash_to_pipe(csp_loop *loop, struct relay *relay);
void relay_discard(csp_loop *loop, struct relay *relay);

/* ---- session.c ---- */

enum { DOWN = 0, UP = 1 };

enum session_state : uint8_t {
	SESSION_DIALING = 0, /* accepted; no upstream yet */
	SESSION_OPEN = 1,
};

struct session {
	struct slab_slot slot;
	struct leg legs[2];     /* DOWN, UP */
	struct relay relays[2]; /* relays[DOWN] reads legs[DOWN] and writes legs[UP]; the other the reverse */
	uint64_t accepted_at_ns;
	uint32_t endpoint;
	uint32_t next, previous; /* sessions of the same endpoint, by index */
	uint32_t next_ready, previous_ready;
	uint32_t first_dial; /* attempts under way, by index */
	uint32_t next_young, previous_young;
	uint64_t joined_at_ns;
	uint64_t window_bytes; /* carried in the loop's window of that number */
	uint32_t window;
	enum session_state state;
	bool is_ready;            /* in the loop's ready queue */
	bool is_young;            /* in the loop's queue of sessions whose upstream leg has no patience yet */
	uint8_t hops;             /* that its dials may still take; 0: not known yet */
	uint64_t left_as;         /* what csp_plane_leave has stored it as; 0: nothing */
	uint32_t joined_after_us; /* UINT32_MAX: not known */
	struct names *names;      /* of its peers; NULL: nobody wants to know them */
};

/* ---- names.c: who is joined, for as long as somebody wants to be told (csp_plane_name_peers) ---- */

struct names {
	struct csp_address client;
	struct csp_address upstream;
};

/* Of a session that has just been accepted; client is NULL for a unix socket. */
void names_of_client(csp_loop *loop, struct session *session, const struct csp_address *client);
/* Now that it is joined. A socket that has ended does not say any more whose it was. */
void names_of_upstream(struct session *session);
/* Of a session that comes from another loop or process: what its sockets still say. */
void names_of_both(csp_loop *loop, struct session *session);
void names_tell(const struct session *session, struct csp_event *event);

struct dial {
	struct slab_slot slot;
	uint32_t session;
	uint32_t next;
	int fd;
	uint32_t attempt;
	uint32_t endpoint;
	uint64_t started_at_ns;
	struct csp_address address;
	bool is_leg; /* registered in epoll as its session's upstream leg, which it is if it wins */
};

struct session *session_accept(csp_loop *loop, int fd, bool is_tcp);
void session_leg_event(csp_loop *loop, struct session *session, int leg, uint32_t events);
/* One turn of both directions. */
void session_turn(csp_loop *loop, struct session *session);
void session_join(csp_loop *loop, struct session *session, struct dial *winner, uint32_t events);
/* Frees a session; with reset both sides see one. Fills event in. */
void session_end(csp_loop *loop, struct session *session, enum csp_end_reason reason, int error, bool reset,
        struct csp_event *event);
/* As csp_loop_reset_endpoint ends a session. */
void session_reset_as_ordered(csp_loop *loop, struct session *session);
struct session *session_find(csp_loop *loop, csp_session number);
csp_session session_number(const struct session *session);

static inline bool session_is_stored(const struct session *session)
{
	return session->relays[DOWN].ref != 0;
}

/* Everything that can happen to a leg, told once each time. */
#define LEG_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET)

/* ---- young.c: what short sessions need not pay for ---- */

void young_add(csp_loop *loop, struct session *session);
void young_forget(csp_loop *loop, struct session *session);
/* Gives a session its patience now, and stores it. Nothing if it has it. False: it is young still, for it
 * found no shelf with room. */
bool young_grow_up(csp_loop *loop, struct session *session);
/* Lets all that are old enough grow up. */
void young_check(csp_loop *loop);

/* ---- dial.c ---- */

/* What epoll says of an attempt. */
void dial_event(csp_loop *loop, struct dial *dial, uint32_t events);
/* The attempt that is registered as its session's upstream leg, or NULL. */
struct dial *dial_as_leg(csp_loop *loop, const struct session *session);
void dial_destroy(csp_loop *loop, struct session *session, struct dial *dial);
void dial_destroy_all(csp_loop *loop, struct session *session);

/* ---- accept.c and listener.c ---- */

struct listener {
	pthread_mutex_t lock;
	int fd;            /* -1: this number is free */
	uint32_t owner;    /* the loop that has it armed */
	uint32_t burst;    /* connections that one wake-up looks for: as many as lately came at once */
	uint32_t failures; /* connections in a row that could not be accepted */
	uint32_t older;    /* of those who wait there so many may have come before it had our options */
	bool is_loopback;  /* bound to a loopback address: all its clients are on this machine */
	bool is_paused;
	bool is_tcp;
	bool owns_path;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

void listener_event(csp_loop *loop, uint32_t listener, uint32_t events);
/* Takes all listeners out of the loops' epoll sets, which somebody else is to have, or puts them back: one
 * that cannot be is paused. Loops are at rest. */
void listeners_leave(csp_plane *plane);
void listeners_return(csp_plane *plane);
/* Arms paused listeners again if the limits allow it. */
void listeners_resume(csp_loop *loop);
/* The plane's patience or limit is another one: who is accepted from now on gets it, and who waits for it
 * comes in.
 */
void listeners_changed(csp_plane *plane);
/* Gives back descriptors of the budget; who waits for them in a paused listener is let in by the loop's next
 * turn. */
void descriptors_give_back(csp_loop *loop, uint32_t count);

/* ---- hops.c ---- */

/* A connection with fewer left has been around: a real path takes 30 routers at most, of 64. */
#define HOPS_MIN 24

uint8_t hops_left(const struct leg *client);
void hops_ask_for(int listener);
void hops_pass_on(int fd, enum csp_family family, int hops);

/* ---- evidence.c ---- */

/* An endpoint that stays silent is told again after this. */
#define SUSPECT_EVERY_NS 1000000000u

void evidence_count(csp_loop *loop, const struct session *session, uint64_t up, uint64_t down);
void evidence_check(csp_loop *loop);

/* ---- address.c ---- */

socklen_t address_to_system(const struct csp_address *address, struct sockaddr_storage *system);
int address_from_system(const struct sockaddr_storage *system, struct csp_address *address);
/* NODELAY and inline urgent data: what both legs carry from their first byte on. */
void tcp_set_options(int fd);
/* Keepalive and TCP_USER_TIMEOUT: what a leg needs that lives long. */
void tcp_set_patience(int fd, const csp_plane *plane);
bool address_is_loopback(const struct csp_address *address);
/* 0 or a negative errno, where the connection keeps what it has. */
int tcp_set_loopback_congestion(int fd, const struct csp_options *options);
/* Sends a reset now, even where somebody else holds a duplicate of the descriptor; else when it is closed. */
void tcp_reset(int fd);
/* The same, of a unix socket too: that has no reset, but an end. */
void cut_off(int fd, bool is_tcp);

/* ---- plane.c and loop.c ---- */

#define EVENT_QUEUE 1024u
#define EPOLL_BATCH 128
/* Sessions from other loops that one wake-up adopts; each can raise one event. */
#define ARRIVALS_BATCH 16
#define COPY_BYTES 16384u
#define PEEK_BYTES 65536u

struct endpoint_slot {
	counter sessions;
	counter bytes_up;
	counter bytes_down;
	counter last_received_ns;
	counter unanswered_since_ns;
	uint64_t asked_at_ns;     /* since when an answer is expected */
	uint64_t check_at_ns;     /* when to look whether it has come; 0: none is expected */
	uint64_t suspected_at_ns; /* when a suspicion was last told */
	uint32_t suspicions;      /* told of this silence */
	csp_session asker;        /* whose bytes began it */
	uint64_t reset_at_ns; /* when the last of its sessions was reset by order, or there was none to reset
	                       */
	uint32_t first_session; /* by index, plus one; 0: none */
};

/* ---- balance.c: what a loop knows of its own load, and sessions on their way to it ---- */

struct balance {
	uint64_t began_ns; /* of the window */
	uint64_t cpu_ns;   /* of the loop's thread, then */
	uint64_t bytes;    /* in the window, of all sessions */
	uint32_t window;
	uint32_t busy_windows; /* in a row */
	bool is_choosing;      /* the window is over; the heaviest of its sessions is looked for */
	csp_session candidate; /* 0: none yet */
	uint64_t candidate_bytes;
	counter permille;     /* of a CPU, in the last window */
	counter looked_at_ns; /* when that was */
	pthread_mutex_t lock; /* of what follows */
	struct moving *arrivals;
};

void balance_init(csp_loop *loop);
void balance_destroy(csp_loop *loop);
/* A turn of a session moved so many bytes. */
void balance_count(csp_loop *loop, struct session *session, uint64_t bytes);
void balance_consider(csp_loop *loop, const struct session *session);
void balance_check(csp_loop *loop);
void balance_take_arrivals(csp_loop *loop);
bool balance_has_arrivals(csp_loop *loop);

struct table_buffer;
struct store;
struct recovery;

struct csp_loop {
	csp_plane *plane;
	uint32_t index;
	int epoll;
	int wake;
	bool woken;
	uint64_t now_ns;
	uint64_t retry_accept_at_ns; /* 0: no listener is paused by us */
	uint64_t evidence_at_ns;     /* 0: no endpoint owes an answer */
	uint64_t young_at_ns;        /* 0: no session is young */
	uint32_t young_first, young_last;
	uint64_t waited_ns; /* how long the last wait was, what was spun included */

	struct slab sessions;
	struct slab dials;
	uint32_t ready_first, ready_last;
	uint32_t ready_count;

	struct csp_event queue[EVENT_QUEUE];
	uint32_t queue_start, queue_count;

	struct pipe *free_pipes;
	uint32_t free_pipe_count;

	struct {
		counter turns, accepted, opened, ended, sessions, dial_failures, accept_errors, pipes;
		counter bytes_spliced, bytes_copied, moved, stored, unstored;
		counter accept_errors_by_number[CSP_ERRORS_MAX];
	} counters;
	struct endpoint_slot *endpoints; /* CSP_ENDPOINTS_MAX of them */
	uint32_t endpoints_used;         /* one more than the highest slot that ever had a session */
	struct balance balance;
	uint32_t shelf;                     /* on which something was parked last */
	uint64_t compact_at_ns;             /* 0: nothing on a shelf is dead */
	char *buffer;                       /* PEEK_BYTES, for whatever is copied in this turn */
	char *own_buffer;                   /* the same, unless that lies in the store's table */
	struct table_buffer *shared_buffer; /* NULL: there is no store */
	uint32_t left_out;                  /* sessions that csp_plane_leave found no room for */
	struct recovery *recovery;          /* while csp_plane_recover works */
	bool has_held_epoll;                /* while that does: the set is of the process before */
};

struct csp_plane {
	struct csp_options options; /* never changed; what can change is here beside it: */
	_Atomic uint32_t max_sessions;
	_Atomic bool names_peers;
	_Atomic uint32_t keepalive_s;
	_Atomic uint32_t user_timeout_ms;
	_Atomic uint32_t sessions;
	_Atomic uint32_t descriptors;
	_Atomic uint32_t pipe_pages;
	_Atomic uint32_t paused_listeners;
	struct listener listeners[CSP_LISTENERS_MAX];
	csp_loop *loops[CSP_LOOPS_MAX];
	struct store *store; /* NULL: none */
};

enum tag : uint32_t { TAG_WAKE = 0, TAG_LISTENER = 1, TAG_DOWN = 2, TAG_UP = 3, TAG_DIAL = 4 };

/* epoll's data: generation (32 bits), what it is (3 bits), index (29 bits). */
static inline uint64_t tag_make(enum tag tag, uint32_t index, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint64_t)tag << 29 | index;
}

csp_loop *loop_create(csp_plane *plane, uint32_t index, int *error);
void loop_destroy(csp_loop *loop);
void loop_make_ready(csp_loop *loop, struct session *session);
void loop_forget_ready(csp_loop *loop, struct session *session);
/* False where the queue is full; nothing is written then. */
bool loop_push_event(csp_loop *loop, const struct csp_event *event);

#endif
