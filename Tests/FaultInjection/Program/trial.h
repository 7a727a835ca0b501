/* One gateway, from its start to its end, with a fault or without. */
#ifndef FAULTINJECTION_TRIAL_H
#define FAULTINJECTION_TRIAL_H

#include "control.h"
#include "world.h"

/* What became of it: NULL, and all is as promised; or what is not. text: what the gateway said. */
const char *trial(struct control *control, const char *control_path, const char *preload, const char *gateway,
        struct world *world);

#endif
