#include "runs.h"
#include "play.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum { MANNERS = 4, BURST = 3 };

/* Of the scenes that reach a call --short takes one for each of its errnos, and of the manners one. */
static bool is_chosen(
        const struct runs *runs, const struct run *run, uint32_t error, uint32_t manner, uint32_t manners)
{
	uint32_t site = run->faults[0].site;
	uint32_t hash = (site * 31 + error * 7 + 3) * 2654435761u >> 8;
	uint32_t reach = 0;
	uint32_t before = 0;

	if (!runs->is_short)
		return true;
	for (uint32_t i = 0; scene_number(i) != NULL; i++) {
		bool reaches = runs->tally->visits[i].counts[site] > 0;

		before += reaches && i < run->scene;
		reach += reaches;
	}
	return hash % reach == before && hash / 64 % manners == manner;
}

/* The kernel interrupts a few times, not always; and what it says to be ready is not always empty or full. */
static uint32_t always(const struct site *site, int error)
{
	bool waits = strcmp(site->call, "recv") == 0 || strcmp(site->call, "send") == 0 ||
	             strcmp(site->call, "splice") == 0 || strcmp(site->call, "accept4") == 0;

	return error == EINTR || (waits && error == EAGAIN) ? BURST : UINT32_MAX;
}

/* At the first visit, from then on, at one in the middle, at the last. */
static void try_error(struct runs *runs, uint32_t scene, uint32_t site, uint32_t place, int error)
{
	uint32_t visits = runs->tally->visits[scene].counts[site];
	const struct fault faults[MANNERS] = {
	        {site, error, 1, 1},
	        {site, error, 1, always(&runs->sites.all[site], error)},
	        {site, error, visits / 2 + 1, 1},
	        {site, error, visits, 1},
	};
	uint32_t manners = visits < 3 ? visits + 1 : MANNERS;

	for (uint32_t i = 0; i < manners; i++) {
		const struct run run = {.scene = scene, .count = 1, .faults = {faults[i]}};

		if (is_chosen(runs, &run, place, i, manners))
			run_apart(runs, &run);
	}
}

static bool is_reached(const struct runs *runs, uint32_t site)
{
	for (uint32_t i = 0; scene_number(i) != NULL; i++)
		if (runs->tally->visits[i].counts[site] > 0)
			return true;
	return false;
}

/* Two faults: the one that leads to a call, and that call. */
static void try_detour(struct runs *runs, uint32_t site)
{
	uint32_t count;
	const int *errors = errnos_of(&runs->errnos, runs->sites.all[site].call, &count);
	struct run run = runs->tally->detours[site].run;

	for (uint32_t i = 0; i < count; i++) {
		run.faults[1] = (struct fault){site, errors[i], 1, always(&runs->sites.all[site], errors[i])};
		run.count = 2;
		run_apart(runs, &run);
	}
}

void try_all(struct runs *runs, uint32_t only)
{
	for (uint32_t scene = 0; scene_number(scene) != NULL; scene++)
		for (uint32_t site = 0; site < runs->sites.count; site++) {
			uint32_t count;
			const int *errors = errnos_of(&runs->errnos, runs->sites.all[site].call, &count);

			if (runs->tally->visits[scene].counts[site] == 0 ||
			        (only != SCENES_MAX && only != scene))
				continue;
			for (uint32_t i = 0; i < count; i++)
				try_error(runs, scene, site, i, errors[i]);
		}
	runs_await(runs);
	for (uint32_t site = 0; site < runs->sites.count; site++)
		if (!is_reached(runs, site) && !runs->is_exempt[site] &&
		        atomic_load(&runs->tally->detours[site].is_taken))
			try_detour(runs, site);
	runs_await(runs);
}
