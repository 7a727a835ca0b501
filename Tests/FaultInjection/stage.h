/*
 * A plane with a listener, clients and servers around it, all in one thread. What clients and servers say is
 * a function of its place in the stream, so that whoever hears it knows whether it is right.
 */
#ifndef FAULTINJECTION_STAGE_H
#define FAULTINJECTION_STAGE_H

#include "CSplice.h"

#include <stdbool.h>
#include <stdint.h>

enum { PAIRS = 24, SLOTS = 40, LOOPS = 2, SHELVES = 6, STRANGERS = 16, TALK_BYTES = 1 << 16 };
enum { CLIENT = 0, SERVER = 1 };

/* One end, as its user sees it. */
struct side {
	int fd;
	uint64_t said;
	uint64_t heard;
	bool has_ended; /* its own stream, by a half-close */
	bool heard_end;
	bool is_gone; /* it was told of a reset or another error */
};

/* A client and, where it was served, its server. */
struct pair {
	struct side sides[2];
	uint64_t name; /* no two pairs say the same bytes */
	bool is_unix;
	bool is_cut;    /* the scene itself has ended it otherwise than by half-closes */
	bool is_strict; /* nothing may happen to it */
	uint32_t slot;  /* under which it was dialed; SLOTS: not yet known */
};

/* How the stage dials for a client. */
enum manner {
	DIAL_ONCE = 0,
	DIAL_TWICE = 1, /* a second attempt beside the first, one at a closed port, and one that is taken back
	                 */
	DIAL_NEVER = 2, /* until somebody changes it */
};

/* A session of the plane, by the endpoint slot that is its alone. */
struct served {
	csp_session number; /* 0: it has ended */
	uint32_t loop;
	uint32_t tries;
	bool is_dialed;
	bool is_open;
	int door; /* where its server listens */
	struct csp_address door_address;
};

/* Who has come to a door and has not said who he is. */
struct stranger {
	int fd;
	uint32_t slot;
};

struct stage {
	struct csp_options options;
	csp_plane *plane; /* NULL: none was to be had */
	enum manner manner;
	bool is_ipv6;
	struct csp_address entrance;
	char unix_entrance[64];
	struct pair pairs[PAIRS];
	uint32_t pair_count;
	struct stranger strangers[STRANGERS];
	uint32_t stranger_count;
	struct served served[SLOTS];
	uint32_t slot_count;
	uint64_t cpu_ns[LOOPS];
	int table;               /* -1: no store */
	int shelves[SHELVES][2]; /* as somebody else keeps them, who outlives the plane */
	uint32_t shelf_count;
	uint64_t held; /* what csp_plane_hold said to the next plane; 0: it walks the shelves */
	uint32_t suspicions;
	bool is_small; /* buffers are */
};

/* ---- stage.c ---- */

/* A plane with a listener; with a store where there is a table. False, and no plane: something failed. */
bool stage_open(struct stage *stage);
/* Gives the plane back; destroys it or leaves its sessions to the store. */
void stage_close(struct stage *stage);
void stage_add_shelf(struct stage *stage);
/* All sessions are in the store, as the program puts them there that is about to end. */
void stage_leave(struct stage *stage);
/* One turn of each loop, and what follows from it. */
void pump(struct stage *stage);
/* Nothing happens for so long, but what the plane wants itself: turns are counted. */
void rest(struct stage *stage, uint32_t milliseconds);
/* Where a result is not right although nothing was made to fail, the run ends. */
bool went_well(int result, const char *what);
uint32_t open_descriptors(void);
/* An IPv4 address that is this process's own. */
struct csp_address place_on_loopback(uint16_t port);

/* ---- pairs.c, talk.c, wait.c ---- */

/* A client comes and says a byte. Its server is found as soon as there is one. */
struct pair *enter(struct stage *stage);
struct pair *enter_by_unix_socket(struct stage *stage);
struct pair *enter_at(struct stage *stage, const struct csp_address *entrance);
/* Says what the socket takes at once, at most count bytes; returns how many. */
uint32_t say(struct pair *pair, int side, uint32_t count);
void say_urgent(struct pair *pair, int side);
/* Says more than anybody takes, piece by piece, so that it waits in the plane. */
void stall(struct stage *stage, struct pair *pair, int side, uint32_t piece);
/* Hears what is there. */
void hear(struct stage *stage, struct pair *pair, int side);
/* So many bytes both ways, all of them heard, or the pair is gone; false: it waits for something. */
bool exchange(struct stage *stage, struct pair *pair, uint32_t up, uint32_t down);
void end(struct pair *pair, int side);
void cut(struct pair *pair, int side);
/* Pumps until the client has a server, or is gone. */
bool await_server(struct stage *stage, struct pair *pair);
bool is_harmed(const struct pair *pair);
/* The number that the pair's session has now; 0: none. */
csp_session number_of(struct stage *stage, const struct pair *pair, uint32_t *loop);
/* Accepts what has come to the doors. */
void servers_look(struct stage *stage);
/* All pairs say their last and hear their last, or are told that there is none. */
void finish(struct stage *stage);
void pairs_close(struct stage *stage);
/* With a reset. */
void close_at_once(int fd);

#endif
