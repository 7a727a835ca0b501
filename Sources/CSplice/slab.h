/*
 * A slab of equal slots, numbered, each with a generation that grows when the slot is freed. A number with
 * its generation names one use of a slot: what still refers to an earlier use (a queued epoll event, a
 * session number in Swift) is recognised as stale. Slots never move; memory is kept for reuse.
 */
#ifndef CSPLICE_SLAB_H
#define CSPLICE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE UINT32_MAX
#define SLAB_CHUNK_SLOTS 64u
#define SLAB_CHUNKS_MAX 65536u

/* The first member of whatever lives in a slab. */
struct slab_slot {
	uint32_t index;
	uint32_t generation; /* never 0 */
	uint32_t next_free;
	uint32_t used; /* 0 or 1 */
};

struct slab {
	size_t slot_bytes;
	uint32_t chunks;
	uint32_t chunk_capacity;
	uint32_t first_free;
	uint32_t first_generation; /* of a slot that is new */
	char **memory;
};

void slab_init(struct slab *slab, size_t slot_bytes);
void slab_destroy(struct slab *slab);

/* A zeroed slot (but for its slab_slot), or NULL without memory. */
void *slab_take(struct slab *slab);

/*
 * The slot with this index, for its use of this generation; NULL: it is used, or there is no memory. After
 * some of these, and before anything else, slab_sort.
 */
void *slab_take_at(struct slab *slab, uint32_t index, uint32_t generation);
void slab_sort(struct slab *slab);

void slab_give_back(struct slab *slab, void *slot);

/* The slot with this index, used or not; NULL beyond what was ever taken. */
void *slab_at(const struct slab *slab, uint32_t index);

/* The used slot with this index and generation, or NULL. */
void *slab_find(const struct slab *slab, uint32_t index, uint32_t generation);

#endif
