/* One scene, played from beginning to end, with one fault or none. */
#ifndef FAULTINJECTION_PLAY_H
#define FAULTINJECTION_PLAY_H

#include "scenes.h"

/* Every scene there is; NULL behind the last. */
const struct scene *scene_number(uint32_t number);
/* Plays it; whatever is not as promised ends the process. So many sessions may be harmed, and no others. */
void play(const struct scene *scene, uint32_t harmed_most);

#endif
