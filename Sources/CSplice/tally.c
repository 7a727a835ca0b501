#include "internal.h"

#include <stdlib.h>

/* It is its first counter: there is nothing else to know. */
struct csp_tally {
	counter first;
};

csp_tally *csp_tally_create(uint32_t count)
{
	/* Zero bytes are an atomic zero on every machine that this is built for. */
	return calloc(count == 0 ? 1 : count, sizeof(csp_tally));
}

void csp_tally_destroy(csp_tally *tally)
{
	free(tally);
}

void csp_tally_add(csp_tally *tally, uint32_t index, uint64_t amount)
{
	counter_add(&tally[index].first, amount);
}

void csp_tally_set(csp_tally *tally, uint32_t index, uint64_t value)
{
	counter_set(&tally[index].first, value);
}

uint64_t csp_tally_read(const csp_tally *tally, uint32_t index)
{
	return counter_get(&tally[index].first);
}
