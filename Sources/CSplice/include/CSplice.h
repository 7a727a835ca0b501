/*
 * CSplice: the data plane. It accepts, dials, moves bytes, half-closes and closes. It knows sockets,
 * addresses and session numbers; it has never heard of etcd, DNS, health or configuration.
 *
 * A plane is a set of loops that share listeners and limits. A loop is one epoll set run by one thread, and
 * it owns its sessions: one downstream (client) connection joined to one upstream connection. Swift pulls
 * events with csp_loop_wait and gives orders with the csp_session functions; this code never calls Swift.
 *
 * Threads: unless a comment says otherwise, csp_loop_ and csp_session_ functions belong to the thread that
 * runs that loop, csp_plane_ functions to any one thread at a time while loops run.
 *
 * Errors: 0 or a count on success, a negative errno otherwise. EINTR is retried here and never returned.
 * SIGPIPE must be ignored by the process.
 */
#ifndef CSPLICE_H
#define CSPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#error "this header is C"
#endif

#define CSP_PUBLIC __attribute__((visibility("default")))
#define CSP_CLOSED_ENUM __attribute__((enum_extensibility(closed)))

/* At most this many loops in a plane, listeners in a plane, and endpoint slots (numbers 0 to 1023). */
#define CSP_LOOPS_MAX 64
#define CSP_LISTENERS_MAX 32
#define CSP_ENDPOINTS_MAX 1024
/* Shelves of a store; each holds about 270 sessions or pipes. */
#define CSP_SHELVES_MAX 1024
/* Bytes of the note that a store keeps for the caller. */
#define CSP_NOTE_MAX 65536
/* Bytes of the name of a congestion control, the closing zero included (the kernel's TCP_CA_NAME_MAX). */
#define CSP_CONGESTION_MAX 16
/* Error numbers that are counted apart; Linux has 133 of them. */
#define CSP_ERRORS_MAX 134

typedef struct csp_plane csp_plane;
typedef struct csp_loop csp_loop;

/* A session's number in its loop: never 0, never used twice by one loop (32 bits of generation). */
typedef uint64_t csp_session;

enum csp_family : uint8_t {
	CSP_FAMILY_IPV4 = 4,
	CSP_FAMILY_IPV6 = 6,
} CSP_CLOSED_ENUM;

/* One IP address and TCP port. ip holds 4 or 16 bytes in network order; port is in host order. */
struct csp_address {
	enum csp_family family;
	uint16_t port;
	uint8_t ip[16];
};

/* Settings of a plane, given once. Every field must be set; csp_options_default fills in the defaults. */
struct csp_options {
	uint32_t loops;        /* 1 to CSP_LOOPS_MAX; default 1 */
	uint32_t max_sessions; /* of all loops together; at the limit accepting pauses; default 1,000,000 */
	uint32_t max_descriptors; /* sockets and pipes the plane may hold open; default 1,000,000, at least 4
	                           */
	uint32_t pipe_pages; /* pages of 4 KiB that all pipes together may take; 0: always copy; default 8,192
	                      */
	uint32_t keepalive_s; /* idle seconds before TCP keepalive asks, and between questions; default 15 */
	uint32_t user_timeout_ms;  /* TCP_USER_TIMEOUT of both legs; 0: the system's; default 120,000 */
	uint32_t suspect_after_ms; /* how long bytes may stay unanswered before SUSPECT; 0: never; default 500
	                            */
	uint32_t backlog; /* listen(2) backlog; default 4,096 (the kernel cuts it to net.core.somaxconn) */
	uint32_t spin_us; /* how long a busy loop polls before it sleeps, at most 1,000; default 0: not at all
	                   */
	/* TCP congestion control of legs whose other end is a loopback address; empty: the machine's. Default
	 * "reno". One that the kernel does not have, or does not allow us, leaves the machine's. */
	char loopback_congestion[CSP_CONGESTION_MAX];
};

enum csp_event_kind : uint32_t {
	CSP_EVENT_ACCEPTED = 1,    /* a client came: session, listener. It waits for csp_session_dial. */
	CSP_EVENT_DIAL_FAILED = 2, /* one attempt of session ended: attempt, endpoint, error, elapsed_ns */
	CSP_EVENT_OPENED = 3, /* attempt won, other attempts were closed, bytes flow: endpoint, elapsed_ns */
	CSP_EVENT_ENDED = 4,  /* the session number is void now: reason, error, endpoint, bytes, age */
	CSP_EVENT_ACCEPT_PAUSED =
	        5, /* listener: no connection is accepted; error says why (0: our own limits) */
	CSP_EVENT_ACCEPT_RESUMED = 6, /* listener */
	CSP_EVENT_SUSPECT = 7, /* endpoint got bytes and sent none for elapsed_ns: suspect_after_ms, or half
	                          of it where the bytes are not even acknowledged */
	CSP_EVENT_STORE_FULL = 8, /* no shelf has room: csp_plane_add_shelf, or csp_plane_refuse_shelves */
} CSP_CLOSED_ENUM;

enum csp_end_reason : uint32_t {
	CSP_END_NONE = 0,
	CSP_END_FINISHED = 1,          /* both directions reached their end of stream */
	CSP_END_CLIENT_LEFT = 2,       /* the client left before it was joined to an upstream connection */
	CSP_END_DOWNSTREAM_RESET = 3,  /* ECONNRESET or EPIPE on the client's side; passed on as a reset */
	CSP_END_UPSTREAM_RESET = 4,    /* the same on the upstream side */
	CSP_END_DOWNSTREAM_FAILED = 5, /* another error on the client's side (ETIMEDOUT: it vanished) */
	CSP_END_UPSTREAM_FAILED = 6,   /* another error on the upstream side */
	CSP_END_ORDERED = 7,           /* csp_session_close */
	CSP_END_SHORTAGE = 8,          /* we could not keep it (ENOMEM) */
} CSP_CLOSED_ENUM;

#define CSP_ENDPOINT_NONE UINT32_MAX

struct csp_event {
	csp_session session;
	enum csp_event_kind kind;
	enum csp_end_reason reason; /* ENDED only */
	uint32_t attempt;           /* DIAL_FAILED, OPENED: the caller's number of the attempt */
	uint32_t endpoint;          /* the endpoint slot, or CSP_ENDPOINT_NONE */
	uint32_t listener;          /* ACCEPTED, ACCEPT_PAUSED, ACCEPT_RESUMED */
	int32_t error;              /* a positive errno, or 0 */
	uint64_t bytes_up;          /* ENDED: bytes delivered to the upstream side */
	uint64_t bytes_down;        /* ENDED: bytes delivered to the client */
	uint64_t elapsed_ns;        /* DIAL_FAILED, OPENED: since that dial began; ENDED: since accept */
	uint32_t joined_after_us;   /* ENDED: of that, until it was joined; UINT32_MAX: it never was, or by an
	                               earlier process */
	/* ENDED, of sessions that were accepted or came here after csp_plane_name_peers; all zeros: a unix
	 * socket, or not known. */
	struct csp_address client;
	struct csp_address upstream;
};

/* A session outside any loop. Descriptors are owned by whoever holds the record; -1 where there is none. */
struct csp_session_record {
	int32_t downstream;
	int32_t upstream;
	int32_t pipe_up[2]; /* read end, write end; present only if bytes_in_pipe_up > 0 */
	int32_t pipe_down[2];
	uint32_t bytes_in_pipe_up;
	uint32_t bytes_in_pipe_down;
	uint32_t endpoint;
	uint8_t ended_up;   /* downstream's end of stream was passed on to upstream */
	uint8_t ended_down; /* upstream's end of stream was passed on to downstream */
	uint8_t is_unix;    /* bit 0: downstream is a unix socket; bit 1: upstream */
	uint8_t reserved;
	uint64_t bytes_up;
	uint64_t bytes_down;
	uint64_t opened_at_ns;    /* CLOCK_MONOTONIC at accept */
	uint32_t joined_after_us; /* as in csp_event */
	uint64_t stored;          /* where it and its pipes stand in the plane's store; 0: not at all */
	uint64_t stored_pipe_up;
	uint64_t stored_pipe_down;
};

/* What one loop has done and holds. Written by the loop, readable from any thread at any time. */
struct csp_loop_counters {
	uint64_t turns; /* wake-ups of the loop: it makes progress while this grows */
	uint64_t accepted;
	uint64_t opened;
	uint64_t ended;
	uint64_t sessions; /* now, those still dialing included */
	uint64_t dial_failures;
	uint64_t accept_errors;
	uint64_t pipes; /* now, pooled ones included */
	uint64_t bytes_spliced;
	uint64_t bytes_copied;
	uint64_t moved;    /* sessions given to a loop that had less to do */
	uint64_t stored;   /* sessions in the store now */
	uint64_t unstored; /* attempts to store one that failed for another reason than want of a shelf */
};

/* What one loop knows of one endpoint slot. Written by the loop, readable from any thread at any time. */
struct csp_endpoint_counters {
	uint64_t sessions; /* joined now */
	uint64_t bytes_up;
	uint64_t bytes_down;
	uint64_t last_received_ns;    /* CLOCK_MONOTONIC of the last byte from it; 0: never */
	uint64_t unanswered_since_ns; /* CLOCK_MONOTONIC of the first byte sent since its last answer; 0: none
	                                 owed */
};

CSP_PUBLIC struct csp_options csp_options_default(void);

/* Sets loopback_congestion; an empty name leaves the machine's. -ENAMETOOLONG: no kernel has such a name. */
CSP_PUBLIC int csp_options_set_loopback_congestion(
        struct csp_options *_Nonnull options, const char *_Nonnull name);

/* Whether the kernel will take it: 0, or -ENOENT: it has none of that name; -EPERM: we are not allowed to. */
CSP_PUBLIC int csp_options_try_loopback_congestion(const struct csp_options *_Nonnull options);

/* Creates a plane with its loops. -EINVAL: an option out of range; -EMFILE, -ENFILE, -ENOMEM. */
CSP_PUBLIC int csp_plane_create(
        const struct csp_options *_Nonnull options, csp_plane *_Nullable *_Nonnull plane);

/*
 * Changes what can change while loops run; open sessions keep what they have, but for the limit: above it
 * none is accepted. From any one thread at a time. -EINVAL: out of the range that csp_plane_create takes;
 * nothing has changed.
 */
CSP_PUBLIC int csp_plane_change(
        csp_plane *_Nonnull plane, uint32_t max_sessions, uint32_t keepalive_s, uint32_t user_timeout_ms);

/* Whether ENDED says who was joined, for 40 bytes and a system call more a session: default false. From any
 * thread. */
CSP_PUBLIC void csp_plane_name_peers(csp_plane *_Nonnull plane, bool names_peers);

/* Resets every session, closes every listener, frees all. No loop may be running. NULL is harmless. */
CSP_PUBLIC void csp_plane_destroy(csp_plane *_Nullable plane);

/* The loop with this index, owned by the plane. index < options.loops. */
CSP_PUBLIC csp_loop *_Nonnull csp_plane_loop(csp_plane *_Nonnull plane, uint32_t index);

/*
 * Opens an exclusive listener and returns its number. A listener is served by the least busy loop: only that
 * loop's epoll set has it armed, and the role moves on as soon as another loop has fewer sessions; so a
 * connection is accepted and dialed by the one loop that will own it. Port 0 lets the kernel choose.
 * -EADDRINUSE: somebody listens there; -EADDRNOTAVAIL: not an address of this machine; -EACCES: port below
 * 1024 without the capability; -ENOSPC: CSP_LISTENERS_MAX are open.
 */
CSP_PUBLIC int csp_plane_listen(csp_plane *_Nonnull plane, const struct csp_address *_Nonnull address);

/*
 * The same on a unix stream socket with these permission bits. A socket file nobody listens on is replaced.
 * -EADDRINUSE: somebody listens there, or the path is no socket; -ENAMETOOLONG: more than 107 bytes.
 */
CSP_PUBLIC int csp_plane_listen_unix(csp_plane *_Nonnull plane, const char *_Nonnull path, mode_t mode);

/* The same on a listening stream socket that already exists (socket activation). Takes fd over on success. */
CSP_PUBLIC int csp_plane_adopt_listener(csp_plane *_Nonnull plane, int fd);

/* Closes a listener (the file of a unix one we made is removed). Sessions live on. -ENOENT: no such listener.
 */
CSP_PUBLIC int csp_plane_unlisten(csp_plane *_Nonnull plane, uint32_t listener);

/* The address an IP listener is bound to. -ENOENT: no such listener; -EAFNOSUPPORT: it is a unix socket. */
CSP_PUBLIC int csp_plane_listener_address(
        csp_plane *_Nonnull plane, uint32_t listener, struct csp_address *_Nonnull address);

/* The listener's descriptor, which stays the plane's; to pass on a duplicate. -ENOENT: no such listener. */
CSP_PUBLIC int csp_plane_listener_descriptor(csp_plane *_Nonnull plane, uint32_t listener);

/*
 * Moves bytes until there are events for the caller, csp_loop_wake was called, or timeout_ms passed (-1: no
 * limit). Returns how many events were written (0 after a wake or the timeout), at most capacity.
 */
CSP_PUBLIC int csp_loop_wait(
        csp_loop *_Nonnull loop, struct csp_event *_Nonnull events, uint32_t capacity, int timeout_ms);

/* Makes csp_loop_wait return. From any thread. */
CSP_PUBLIC int csp_loop_wake(csp_loop *_Nonnull loop);

/*
 * Starts an attempt to connect an accepted session to address; attempt is the caller's number for it,
 * endpoint the slot its bytes are counted under (< CSP_ENDPOINTS_MAX). Several attempts may be under way: the
 * first to connect wins, the others are closed. The verdict arrives as DIAL_FAILED or OPENED, but a failure
 * that is known at once is returned and raises no event: -ECONNREFUSED, -ENETUNREACH, …; our own shortages
 * -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM, -EADDRNOTAVAIL; -ENOENT: the session has ended; -EISCONN: it is open;
 * -ELOOP: the client's connection has passed through so many gateways that they must point at each other.
 */
CSP_PUBLIC int csp_session_dial(csp_loop *_Nonnull loop, csp_session session,
        const struct csp_address *_Nonnull address, uint32_t attempt, uint32_t endpoint);

/* Gives an attempt up; no event follows. -ENOENT: no such session or attempt. */
CSP_PUBLIC int csp_session_cancel_dial(csp_loop *_Nonnull loop, csp_session session, uint32_t attempt);

/*
 * Ends a session in any state: with a reset of both sides, or (reset false) with a plain close. What an ENDED
 * event would have said is written to ended where that is given; no event follows. -ENOENT: no such session.
 */
CSP_PUBLIC int csp_session_close(
        csp_loop *_Nonnull loop, csp_session session, bool reset, struct csp_event *_Nullable ended);

/*
 * Resets at most limit sessions of an endpoint slot and returns how many; one ENDED event each follows.
 * limit is cut to what the event queue holds, so call again while the slot has sessions.
 */
CSP_PUBLIC int csp_loop_reset_endpoint(csp_loop *_Nonnull loop, uint32_t endpoint, uint32_t limit);

/*
 * Takes an open session out of its loop: no byte is lost, none moves until somebody adopts the record.
 * -ENOENT: no such session; -EINPROGRESS: it is not open yet; -EMFILE, …: unsent bytes could not be put into
 * a pipe, the session stays as it was.
 */
CSP_PUBLIC int csp_session_take(
        csp_loop *_Nonnull loop, csp_session session, struct csp_session_record *_Nonnull record);

/* Lets this loop own a record's session. On success the record's descriptors belong to the loop; else not. */
CSP_PUBLIC int csp_loop_adopt(csp_loop *_Nonnull loop, const struct csp_session_record *_Nonnull record,
        csp_session *_Nonnull session);

/* Any session joined to this endpoint slot, or 0: to move or inspect one without keeping a list. */
CSP_PUBLIC csp_session csp_loop_any_session(csp_loop *_Nonnull loop, uint32_t endpoint);

/*
 * ---- Sessions that outlive the process ----
 *
 * A store is a table (a memfd) and shelves (pairs of unix SEQPACKET sockets). Who holds them when this
 * process is gone holds all that was stored, and a later process opens it again. All functions but those that
 * begin with csp_table_ belong to csp_plane_create's rule about threads; csp_plane_add_shelf and
 * csp_plane_refuse_shelves may be called by any thread at any time.
 */

/* What csp_plane_recover found. */
struct csp_recovery {
	uint32_t sessions; /* live on here */
	uint32_t clients;  /* accepted and not joined; each raises ACCEPTED */
	uint32_t ended;    /* had ended while nobody looked, or could not be continued; reset */
	uint32_t unsafe;   /* of these: with bytes that died with the process that had them */
	uint32_t refused;  /* the same: for whom this process may not have enough descriptors */
	int32_t error;     /* why some of these could not even be looked at, a positive errno; or 0 */
};

/* A new table, owned by the caller; or a negative errno. */
CSP_PUBLIC int csp_table_create(void);

/* A copy of a table without its entries: enough for another program to say whether it could read this one. */
CSP_PUBLIC int csp_table_copy(int table);

/* 0 where csp_plane_open_store would take it; -EPROTO: it is no table, is damaged or of a form of the future;
 * -EPERM: it is that of a user who is neither ours nor root.
 */
CSP_PUBLIC int csp_table_check(int table);

/*
 * Begins to store in a new plane, before its loops run. The caller keeps the descriptor. is_kept: somebody
 * else has the store as well, who may throw it away; sessions then end with a reset, not as if all had been
 * said.
 */
CSP_PUBLIC int csp_plane_open_store(csp_plane *_Nonnull plane, int table, bool is_kept);

/*
 * Adds a shelf that is empty or holds what an earlier process parked there, under the number that it had
 * then, below CSP_SHELVES_MAX. Both ends are taken over on success. -EEXIST: there is one of that number.
 */
CSP_PUBLIC int csp_plane_add_shelf(csp_plane *_Nonnull plane, uint32_t shelf, const int ends[_Nonnull 2]);

/* There will be no more shelves: who asked for one does without from now on. */
CSP_PUBLIC void csp_plane_refuse_shelves(csp_plane *_Nonnull plane);

/*
 * Brings back what lies on the shelves that were added, before loops run. A session that cannot be continued
 * byte for byte is reset, never continued otherwise. -ENOMEM: nothing was looked at.
 */
CSP_PUBLIC int csp_plane_recover(csp_plane *_Nonnull plane, struct csp_recovery *_Nonnull recovery);

/*
 * While loops run, from the loop's own thread: stores open sessions of the next slots, young ones too, from
 * *cursor on (0 at first), and moves *cursor behind them; UINT32_MAX: that was all. A bounded number in one
 * call, so that a leave that follows has little to do. Returns how many.
 */
CSP_PUBLIC int csp_loop_store(csp_loop *_Nonnull loop, uint32_t *_Nonnull cursor);

/*
 * Stores what is not stored yet, clients that wait included, after all loops have ended: the process is about
 * to leave. Returns how many found no room; after another csp_plane_add_shelf it may be called again. Nothing
 * may be called afterwards but csp_plane_hold, csp_plane_abandon and csp_plane_stay.
 */
CSP_PUBLIC int csp_plane_leave(csp_plane *_Nonnull plane);

/*
 * After a leave, where this process is about to become another program by execve(2): lets the descriptors of
 * all that is stored stay open, so that the next program need not receive them from the shelves. Returns what
 * that has to tell csp_plane_expect_held; 0: it walks the shelves, as if nothing were held.
 */
CSP_PUBLIC uint64_t csp_plane_hold(csp_plane *_Nonnull plane);

/* After a leave that came to nothing: loops may run again. */
CSP_PUBLIC void csp_plane_stay(csp_plane *_Nonnull plane);

/*
 * Before csp_plane_recover, in the program that a process has become: what csp_plane_hold returned there.
 * Never a value from elsewhere. -EPROTO: the table knows nothing of it.
 */
CSP_PUBLIC int csp_plane_expect_held(csp_plane *_Nonnull plane, uint64_t held);

/* Frees a plane and closes its descriptors without a word to any peer: whoever has the store has the
 * sessions. */
CSP_PUBLIC void csp_plane_abandon(csp_plane *_Nullable plane);

/* A note for the next process, written so that it is whole at any time. -E2BIG: above CSP_NOTE_MAX. */
CSP_PUBLIC int csp_plane_write_note(csp_plane *_Nonnull plane, const void *_Nonnull bytes, uint32_t length);
/* Reads the last one that is whole; returns its length, 0 where there is none. capacity: CSP_NOTE_MAX. */
CSP_PUBLIC int csp_plane_read_note(csp_plane *_Nonnull plane, void *_Nonnull bytes, uint32_t capacity);

/* Where the upstream connection of a session leads. -ENOENT: no such session. */
CSP_PUBLIC int csp_session_upstream_address(
        csp_loop *_Nonnull loop, csp_session session, struct csp_address *_Nonnull address);

/* Copies of the counters, from any thread. endpoint < CSP_ENDPOINTS_MAX. */
CSP_PUBLIC void csp_loop_read_counters(csp_loop *_Nonnull loop, struct csp_loop_counters *_Nonnull counters);
CSP_PUBLIC void csp_loop_read_endpoint(
        csp_loop *_Nonnull loop, uint32_t endpoint, struct csp_endpoint_counters *_Nonnull counters);

/* How often accept(2) failed with this error number, from any thread. error < CSP_ERRORS_MAX; the last one
 * stands for all higher ones too. */
CSP_PUBLIC uint64_t csp_loop_accept_errors(csp_loop *_Nonnull loop, uint32_t error);

/* Forgets what is counted under an endpoint slot that has no session, before the slot is used anew. */
CSP_PUBLIC void csp_loop_clear_endpoint(csp_loop *_Nonnull loop, uint32_t endpoint);

#include "csp_list.h"
#include "csp_tally.h"

#endif
