/* Gateways from their start to their end, with a fault or without. */
#ifndef FAULTINJECTION_TRIAL_H
#define FAULTINJECTION_TRIAL_H

#include "gateway.h"

/* NULL, and all is as promised; or what is not. world->said is what the gateway said. */
const char *trial(const struct program *program, struct world *world);
/* One is killed, and others cannot begin: what it had stored waits for the one that can. */
const char *heirs(const struct program *program, struct world *world);

#endif
