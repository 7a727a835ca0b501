/*
 * What the test and the gateway it runs share: a file that both map. The gateway's side is preload.c. A place
 * is named by the module (0: the program, 1: libcares) and by how far behind its beginning the call returns.
 */
#ifndef FAULTINJECTION_CONTROL_H
#define FAULTINJECTION_CONTROL_H

#include <stdint.h>

enum { PLACES_MAX = 4096, CONTROL_CALL = 24 };

struct place {
	_Atomic uint64_t name; /* module << 56 | offset; 0: none */
	_Atomic uint32_t visits;
	char call[CONTROL_CALL];
};

struct control {
	_Atomic uint32_t is_armed;
	uint64_t place;          /* that fails */
	char call[CONTROL_CALL]; /* or, place 0: every call of that name, by whomever; empty: none */
	int32_t error;
	uint32_t first; /* the visit that fails, and so many behind it */
	uint32_t times;
	uint32_t is_harmless;         /* the gateway must serve as if nothing were */
	_Atomic int32_t wall_clock_s; /* by which CLOCK_REALTIME is wrong */
	int32_t steps_s; /* by so much it is set forward while clients are served, and then back twice as far
	                  */
	_Atomic uint32_t fired;
	_Atomic uint32_t visits; /* of the place, or the call */
	struct place places[PLACES_MAX];
};

#define CONTROL_VARIABLE "FAULTINJECTION_CONTROL"

#endif
