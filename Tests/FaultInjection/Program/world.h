/*
 * What a gateway has around it, in one thread: a member that answers health checks and says everything else
 * back, a name server that knows it, and a service manager that keeps descriptors.
 */
#ifndef FAULTINJECTION_WORLD_H
#define FAULTINJECTION_WORLD_H

#include "../manual.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CONNECTIONS = 64, KEPT = 128, SAID = 1 << 16 };

struct world {
	char folder[64];
	int member, names, manager;
	uint16_t member_port, names_port;
	int connections[CONNECTIONS];
	struct {
		int fd;
		char name[64];
	} kept[KEPT];
	uint32_t kept_count;
	int said_by; /* the gateway's standard error */
	char said[SAID];
	size_t said_bytes;
};

void world_open(struct world *world);
void world_close(struct world *world);
/* Serves whatever comes within so many milliseconds. */
void world_turn(struct world *world, int milliseconds);
uint64_t now_ms(void);

#endif
