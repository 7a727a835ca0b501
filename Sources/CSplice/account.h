/* What the kernel remembers of a TCP connection: how much of it was read from it and written to it, ever. */
#ifndef CSPLICE_ACCOUNT_H
#define CSPLICE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct account {
	uint64_t consumed; /* bytes that were read from it */
	uint64_t written;  /* bytes that were written to it, sent or not */
	bool fin_sent;     /* shutdown(SHUT_WR) was called */
	bool is_closed;    /* by both sides, or by a reset */
};

/*
 * Reads the account of a connection that has nobody else who reads or writes; the peer may do as it likes
 * meanwhile. opened: it came from connect(2), not from accept(2). -ECONNRESET: it was reset, or has failed
 * otherwise; other errnos are those of getsockopt(2) and ioctl(2).
 */
int account_read(int fd, bool opened, struct account *account);

#endif
