/*
 * One fault: the call at one place of the data plane fails with one errno, once or always. And what such a
 * run needs beside it: a clock that need not be waited for, an account of memory, a death at a given call.
 */
#ifndef FAULTINJECTION_FAULTS_H
#define FAULTINJECTION_FAULTS_H

#include "manual.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

enum { SITES_MAX = 512, PLACE_NAME = 72, FAULTS_MAX = 2 };

/* A place where the data plane calls the kernel. */
struct site {
	uintptr_t address;      /* to which the call returns */
	char call[CALL_NAME];   /* recv */
	char place[PLACE_NAME]; /* relay.c:186:fill_copying */
};

struct sites {
	struct site all[SITES_MAX]; /* by address */
	uint32_t count;
};

/* How often each site was reached, by its index. */
struct visits {
	_Atomic uint32_t counts[SITES_MAX];
};

/* From the first-th visit on, so many visits of a site fail. times: UINT32_MAX for all. */
struct fault {
	uint32_t site;
	int error;
	uint32_t first;
	uint32_t times;
};

/* Reads what scripts/faultinject has found in the program itself. */
void sites_read(struct sites *sites, const char *path);

/* Counts visits from now on, and has these faults happen, FAULTS_MAX at most. */
void faults_begin(
        const struct sites *sites, struct visits *visits, const struct fault *faults, uint32_t count);
/* Only in the window visits count and the fault happens. */
void faults_window(bool is_open);
bool faults_window_is_open(void);
/* How often one has happened, those that a scene has made itself included. */
uint32_t faults_fired(void);
void faults_note(void);
/* Never fails for this descriptor, as long as it is open. */
void faults_spare(int fd);

/* Called in the kernel's place: whether this call is to fail; errno is set then. other: -1, or a second one.
 */
bool fault_due(uintptr_t address, int fd, int other);
/* The same: the errno, or 0. */
int fault_due_number(uintptr_t address, int fd, int other);

/* After so many calls of that name the process "dies": it goes on behind setjmp. NULL: it lives. */
void faults_die_at(const char *call, uint32_t countdown, jmp_buf *after);

/* ---- calls.c ---- */

/* The monotonic clock goes on without anybody waiting; a wait without events does the same. */
void clock_skip_ms(uint64_t milliseconds);
uint64_t clock_ms(void);
/* What the data plane is told of its thread's use of a processor. */
void cpu_is(uint64_t nanoseconds);
/* Blocks of memory that the data plane has. */
uint32_t blocks_in_use(void);
/* Turns of epoll_wait since the last call, in which no time passed: too many end the run. */
void turns_begin(void);

#endif
