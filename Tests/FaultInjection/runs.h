/* Scenes in processes of their own: which faults there are to be tried, and what became of each. */
#ifndef FAULTINJECTION_RUNS_H
#define FAULTINJECTION_RUNS_H

#include "faults.h"

enum { SCENES_MAX = 64 };

/* A scene and what fails in it. */
struct run {
	uint32_t scene;
	uint32_t count; /* of faults */
	struct fault faults[FAULTS_MAX];
};

/* What all processes know. */
struct tally {
	struct visits visits[SCENES_MAX]; /* when nothing fails */
	struct {
		_Atomic bool is_taken;
		struct run run;
	} detours[SITES_MAX];      /* for a call that only a fault leads to: one that does */
	_Atomic uint32_t happened; /* runs in which the fault did */
};

struct runs {
	struct sites sites;
	struct errnos errnos;
	struct tally *tally;
	bool is_exempt[SITES_MAX];
	bool is_short;
	uint32_t runs, failures;
};

void runs_open(struct runs *runs, char **words);
/* In this process. */
void run_here(struct runs *runs, const struct run *run);
/* In a child. A failure is told in the words that repeat it. */
void run_apart(struct runs *runs, const struct run *run);
void runs_await(struct runs *runs);

/* All faults of one scene, or of all of them: number is SCENES_MAX then. */
void try_all(struct runs *runs, uint32_t scene);

#endif
