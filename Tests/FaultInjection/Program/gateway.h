/* One gateway and its clients. */
#ifndef FAULTINJECTION_GATEWAY_H
#define FAULTINJECTION_GATEWAY_H

#include "control.h"
#include "world.h"

enum { MOMENT_MS = 20 };

/* How to start one. */
struct program {
	const char *path;
	const char *preload;
	const char *control_path;
	struct control *control; /* the same, mapped */
};

struct gateway {
	pid_t pid;
	uint16_t port;
	int status;
	bool has_ended;
};

/* port: 0 for a free one. What the manager keeps is passed on, and stays with the manager. */
void gateway_start(
        struct gateway *gateway, const struct program *program, struct world *world, uint16_t port);
bool gateway_has_ended(struct gateway *gateway);
/* Whether it ends within that time. */
bool gateway_await_end(struct gateway *gateway, struct world *world, uint64_t milliseconds);
/* Whether it says within that time that it serves; false also where it has ended. */
bool gateway_await_ready(struct gateway *gateway, struct world *world, uint64_t milliseconds);
void gateway_kill(struct gateway *gateway);

/* A connection, or -1. */
int client_come(const struct gateway *gateway);
/* Whether the member hears a word through the gateway, and says it back. */
bool is_answered(struct world *world, int fd, uint32_t number, uint64_t milliseconds);
bool is_new_client_served(struct world *world, const struct gateway *gateway, uint64_t milliseconds);
void ask_admin(struct world *world);
/* Whether it uses hardly any of a processor while nobody asks. */
bool is_idle(struct world *world, const struct gateway *gateway);

#endif
