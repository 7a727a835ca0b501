/* What the files of the load program share. */
#ifndef LOAD_H
#define LOAD_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

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

/* ---- start.c ---- */

int measure_start(const struct sockaddr_in *where, uint32_t times, char **command);

/* ---- scrape.c ---- */

int scrape(const struct sockaddr_in *where, uint32_t per_second, uint32_t ms);

#endif
