/*
 * Every call of the data plane fails in every way that it can: each scene is played for each call that it
 * reaches and each errno of that call, in a process of its own.
 *
 *   faultinject SITES ERRNOS EXEMPT [--short] [SCENE [CALL@PLACE ERRNO FIRST TIMES]…]
 *   faultinject SITES ERRNOS EXEMPT --calm [SCENE]
 *
 * Without a scene all of it; --short: each call and errno once. With faults only those, in this process.
 * --calm: each scene once in this process, and nothing fails.
 */
#include "runs.h"
#include "play.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_OF_FAULT = 4 };

/* Says of each call whether it was reached, and of how many faults it was tried. */
static void check_reach(struct runs *runs)
{
	uint32_t reached = 0, faults = 0;

	for (uint32_t site = 0; site < runs->sites.count; site++) {
		uint32_t visits = atomic_load(&runs->tally->detours[site].is_taken);
		uint32_t count;

		for (uint32_t i = 0; scene_number(i) != NULL; i++)
			visits += runs->tally->visits[i].counts[site];
		reached += visits > 0;
		(void)errnos_of(&runs->errnos, runs->sites.all[site].call, &count);
		faults += visits > 0 ? count : 0;
		/* The short form leaves out faults that lead to some. */
		if (visits > 0 || runs->is_exempt[site] || runs->is_short)
			continue;
		printf("faultinject: nothing reaches %s@%s\n", runs->sites.all[site].call,
		        runs->sites.all[site].place);
		runs->failures++;
	}
	printf("faultinject: %u of %u places that call the kernel reached, %u different faults there\n",
	        reached, runs->sites.count, faults);
}

static uint32_t scene_named(const char *name)
{
	for (uint32_t i = 0; scene_number(i) != NULL; i++)
		if (strcmp(scene_number(i)->name, name) == 0)
			return i;
	must(false, "a scene of that name");
	return 0;
}

static struct fault fault_of(const struct runs *runs, char **words)
{
	struct fault fault = {.site = SITES_MAX,
	        .error = errno_number(words[1]),
	        .first = (uint32_t)strtoul(words[2], NULL, 10),
	        .times = (uint32_t)strtoul(words[3], NULL, 10)};
	char name[CALL_NAME + PLACE_NAME];

	for (uint32_t i = 0; i < runs->sites.count; i++) {
		snprintf(name, sizeof name, "%s@%s", runs->sites.all[i].call, runs->sites.all[i].place);
		if (strcmp(name, words[0]) == 0)
			fault.site = i;
	}
	must(fault.site < SITES_MAX && fault.error != 0, "a call and an errno");
	return fault;
}

static void run_as_told(struct runs *runs, char **words)
{
	struct run run = {.scene = scene_named(words[0])};

	for (words++; words[0] != NULL && run.count < FAULTS_MAX; words += WORDS_OF_FAULT)
		run.faults[run.count++] = fault_of(runs, words);
	run_here(runs, &run);
	printf("faultinject: it happened %u times\n", faults_fired());
}

static void calm(struct runs *runs, const char *name)
{
	for (uint32_t i = 0; scene_number(i) != NULL; i++) {
		const struct run run = {.scene = i};

		if (name != NULL && i != scene_named(name))
			continue;
		run_here(runs, &run);
		printf("faultinject: %s\n", scene_number(i)->name);
	}
}

static void reach_all(struct runs *runs)
{
	for (uint32_t i = 0; scene_number(i) != NULL; i++) {
		const struct run run = {.scene = i};

		must(i < SCENES_MAX, "fewer scenes");
		run_apart(runs, &run);
	}
	runs_await(runs);
	must(runs->failures == 0, "the scenes as they are when nothing fails");
}

int main(int count, char **words)
{
	static struct runs runs;
	int next = 4;

	must(count >= next, "SITES ERRNOS EXEMPT");
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* so that what is known is told whatever follows */
	(void)signal(SIGPIPE, SIG_IGN);
	runs_open(&runs, words + 1);
	if (count > next && strcmp(words[next], "--calm") == 0) {
		calm(&runs, words[next + 1]); /* NULL behind the last word */
		return 0;
	}
	runs.is_short = count > next && strcmp(words[next], "--short") == 0;
	next += runs.is_short;
	if (count > next + WORDS_OF_FAULT) {
		run_as_told(&runs, words + next);
		return 0;
	}
	reach_all(&runs);
	try_all(&runs, count > next ? scene_named(words[next]) : SCENES_MAX);
	if (count <= next)
		check_reach(&runs);
	printf("faultinject: %u runs, the fault happened in %u, %u failed\n", runs.runs,
	        atomic_load(&runs.tally->happened), runs.failures);
	return runs.failures == 0 ? 0 : 1;
}
