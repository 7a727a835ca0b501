/* What the files of the load program share. */
#ifndef LOAD_H
#define LOAD_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum what { WHAT_BULK = 1, WHAT_RPC = 2 };

/* What a connection to the sink starts with. */
struct hello {
	uint32_t what;
	uint32_t ask;    /* RPC: bytes of a request. BULK: mebibytes that the client sends */
	uint32_t answer; /* RPC: bytes of an answer. BULK: mebibytes that the sink sends */
	uint32_t reserved;
};

uint64_t now_ns(void);
/* Ends the program; die adds what errno says. */
_Noreturn void die(const char *what);
_Noreturn void fail(const char *what);
/* A whole number up to a thousand million, or the end. */
uint32_t number(const char *text);
/* Keeps how long one request took. */
void sample(uint64_t ns);
/* Prints what was done, and the percentiles of all samples. */
void report(uint64_t elapsed_ns, uint64_t done, double mebibytes);

/* ---- etcd.c ---- */

int etcd_range(const struct sockaddr_in *where, uint32_t connections, uint32_t ms);
int etcd_watch(const struct sockaddr_in *where, uint32_t watchers, uint32_t ms);

/* ---- answer.c ---- */

/* So much is read at a time. */
#define ANSWER_STEP 16384

struct answer {
	char *bytes; /* ours, for the next answer as well */
	size_t length, capacity;
	char *body; /* in bytes; valid when all of it is there */
	size_t body_length;
	bool is_good, is_last; /* 200; the connection is not used again */
};

void answer_begin(struct answer *answer);
/* Where the next bytes are to be put, and how many; then answer_came says how many they were. */
char *answer_room(struct answer *answer, size_t *room);
void answer_came(struct answer *answer, size_t count);
/* Once it has said so, its chunks are joined: do not ask again. */
bool answer_is_whole(struct answer *answer);
/* The text behind `field` in the body, up to the next quotation mark; NULL where there is none. */
const char *answer_text(const struct answer *answer, const char *field, size_t *length);

/* ---- keep.c ---- */

int keep(const struct sockaddr_in *where, uint32_t count, uint32_t seed);

/* ---- hostile.c ---- */

int hold(const struct sockaddr_in *where, uint32_t count, bool is_slow);
int scan(const struct sockaddr_in *where, uint32_t count);
int half_open(const struct sockaddr_in *where, uint32_t at_once);
int polite(const struct sockaddr_in *where, uint32_t count, uint32_t pause_ms, uint32_t ms);

/* ---- start.c ---- */

int measure_start(const struct sockaddr_in *where, uint32_t times, char **command);

/* ---- bare.c ---- */

_Noreturn void bare(const struct sockaddr_in *where, uint32_t port);

/* ---- scrape.c ---- */

int scrape(const struct sockaddr_in *where, uint32_t per_second, uint32_t ms);

#endif
