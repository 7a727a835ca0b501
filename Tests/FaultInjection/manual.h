/* What the Linux manual says of each call: the file errnos. */
#ifndef FAULTINJECTION_MANUAL_H
#define FAULTINJECTION_MANUAL_H

#include <stdbool.h>
#include <stdint.h>

enum { CALL_NAME = 24, ERRNOS_MAX = 40, KINDS_MAX = 96 };

/* What each call may fail with. */
struct errnos {
	struct {
		char call[CALL_NAME];
		int errors[ERRNOS_MAX];
		uint32_t count;
	} kinds[KINDS_MAX];
	uint32_t count;
};

/* Ends the process where something is not as promised, or where the test itself lacks what it needs. */
void must(bool is_true, const char *what);

void errnos_read(struct errnos *errnos, const char *path);
/* What a call may fail with; NULL: there is no line for it. */
const int *errnos_of(const struct errnos *errnos, const char *call, uint32_t *count);
/* 0: there is no such name. */
int errno_number(const char *name);
const char *errno_name(int error);

#endif
