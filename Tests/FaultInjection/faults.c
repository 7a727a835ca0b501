#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPARED_MAX = 1024 };

static struct {
	const struct sites *sites;
	struct visits *visits;
	struct fault faults[FAULTS_MAX];
	uint32_t count;
	_Atomic bool is_open;
	_Atomic uint32_t fired;
	bool spared[SPARED_MAX];
	const char *dying_call;
	uint32_t dying_countdown;
	jmp_buf *dying_after;
} state;

void sites_read(struct sites *sites, const char *path)
{
	FILE *file = fopen(path, "re");
	struct site *site = sites->all;
	unsigned long address;

	must(file != NULL, path);
	sites->count = 0;
	while (fscanf(file, "%lx %23s %71s", &address, site->call, site->place) == 3) {
		must(sites->count == 0 || address > site[-1].address, "sites are in the order of addresses");
		site++->address = address;
		must(++sites->count < SITES_MAX, "fewer sites");
	}
	(void)fclose(file); /* it was read only */
	must(sites->count > 0, "some sites");
}

/* ---- whether it happens ---- */

void faults_begin(
        const struct sites *sites, struct visits *visits, const struct fault *faults, uint32_t count)
{
	must(count <= FAULTS_MAX, "fewer faults");
	state.sites = sites;
	state.visits = visits;
	state.count = count;
	for (uint32_t i = 0; i < count; i++)
		state.faults[i] = faults[i];
}

void faults_window(bool is_open)
{
	atomic_store(&state.is_open, is_open);
}

bool faults_window_is_open(void)
{
	return atomic_load(&state.is_open);
}

uint32_t faults_fired(void)
{
	return atomic_load(&state.fired);
}

void faults_note(void)
{
	atomic_fetch_add(&state.fired, 1);
}

void faults_spare(int fd)
{
	must(fd >= 0 && fd < SPARED_MAX, "a small descriptor");
	state.spared[fd] = true;
}

static uint32_t site_at(uintptr_t address)
{
	uint32_t low = 0;
	uint32_t high = state.sites->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (state.sites->all[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	must(low < state.sites->count && state.sites->all[low].address == address,
	        "a call from a known site");
	return low;
}

static bool is_spared(int fd)
{
	return fd >= 0 && fd < SPARED_MAX && state.spared[fd];
}

static void consider_dying(uint32_t site)
{
	jmp_buf *after = state.dying_after;

	if (after == NULL || strcmp(state.sites->all[site].call, state.dying_call) != 0)
		return;
	if (--state.dying_countdown > 0)
		return;
	state.dying_after = NULL;
	longjmp(*after, 1);
}

/* The errno of a fault whose time is this visit, or 0. */
static int error_of(uint32_t site, uint32_t visit)
{
	for (uint32_t i = 0; i < state.count; i++) {
		const struct fault *fault = &state.faults[i];

		if (fault->site == site && visit >= fault->first && visit - fault->first < fault->times)
			return fault->error;
	}
	return 0;
}

int fault_due_number(uintptr_t address, int fd, int other)
{
	uint32_t site = site_at(address);
	int error;

	consider_dying(site);
	if (!atomic_load(&state.is_open) || is_spared(fd) || is_spared(other))
		return 0;
	error = error_of(site, atomic_fetch_add(&state.visits->counts[site], 1) + 1);
	if (error != 0)
		atomic_fetch_add(&state.fired, 1);
	return error;
}

bool fault_due(uintptr_t address, int fd, int other)
{
	int error = fault_due_number(address, fd, other);

	if (error != 0)
		errno = error;
	return error != 0;
}

void faults_die_at(const char *call, uint32_t countdown, jmp_buf *after)
{
	state.dying_call = call;
	state.dying_countdown = countdown;
	state.dying_after = after;
}
