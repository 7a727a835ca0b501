/* What is played while calls fail. Together the scenes reach every call of the data plane. */
#ifndef FAULTINJECTION_SCENES_H
#define FAULTINJECTION_SCENES_H

#include "stage.h"

struct scene {
	const char *name;
	void (*prepare)(struct stage *stage); /* before calls fail; NULL: nothing but the bystander */
	void (*act)(struct stage *stage);     /* while they do */
	uint32_t pipe_pages;                  /* 0: the default; UINT32_MAX: none */
	uint32_t spin_us;
	bool has_store;
	bool is_small;
	bool is_born;   /* the plane is opened in the act: there is no bystander */
	bool is_scarce; /* of descriptors, by the scene's own doing: sessions may end without a fault */
	bool returns;   /* sessions come back from the store in the act: nobody is a bystander there */
};

extern const struct scene traffic_scenes[];
extern const uint32_t traffic_scene_count;
extern const struct scene border_scenes[];
extern const uint32_t border_scene_count;
extern const struct scene store_scenes[];
extern const uint32_t store_scene_count;
extern const struct scene heir_scenes[];
extern const uint32_t heir_scene_count;

/* ---- scenes_store.c ---- */

/* Sessions of all kinds, stored, with bytes that wait; and a client for whom nobody was dialed. */
void live(struct stage *stage);
/* What the next process finds is not there for the stage's list of sessions. */
void forget_numbers(struct stage *stage);

#endif
