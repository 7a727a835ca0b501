#include "slab.h"

#include <stdlib.h>
#include <string.h>

void slab_init(struct slab *slab, size_t slot_bytes)
{
	*slab = (struct slab){.slot_bytes = slot_bytes, .first_free = SLAB_NONE, .first_generation = 1};
}

void slab_destroy(struct slab *slab)
{
	for (uint32_t i = 0; i < slab->chunks; i++)
		free(slab->memory[i]);
	free(slab->memory);
	slab_init(slab, slab->slot_bytes);
}

static struct slab_slot *slot_at(const struct slab *slab, uint32_t index)
{
	return (struct slab_slot *)(void *)(slab->memory[index / SLAB_CHUNK_SLOTS] +
	                                    (size_t)(index % SLAB_CHUNK_SLOTS) * slab->slot_bytes);
}

static int slab_grow(struct slab *slab)
{
	if (slab->chunks == SLAB_CHUNKS_MAX)
		return -1;
	if (slab->chunks == slab->chunk_capacity) {
		uint32_t capacity = slab->chunk_capacity == 0 ? 16 : slab->chunk_capacity * 2;
		char **memory = realloc(slab->memory, capacity * sizeof *memory);

		if (memory == NULL)
			return -1;
		slab->memory = memory;
		slab->chunk_capacity = capacity;
	}

	char *chunk = calloc(SLAB_CHUNK_SLOTS, slab->slot_bytes);

	if (chunk == NULL)
		return -1;
	slab->memory[slab->chunks++] = chunk;

	uint32_t first = (slab->chunks - 1) * SLAB_CHUNK_SLOTS;

	for (uint32_t i = SLAB_CHUNK_SLOTS; i-- > 0;) {
		struct slab_slot *slot = slot_at(slab, first + i);

		*slot = (struct slab_slot){.index = first + i,
		        .generation = slab->first_generation,
		        .next_free = slab->first_free};
		slab->first_free = first + i;
	}
	return 0;
}

void *slab_take(struct slab *slab)
{
	if (slab->first_free == SLAB_NONE && slab_grow(slab) != 0)
		return NULL;

	struct slab_slot *slot = slot_at(slab, slab->first_free);

	slab->first_free = slot->next_free;
	memset((char *)slot + sizeof *slot, 0, slab->slot_bytes - sizeof *slot);
	slot->next_free = SLAB_NONE;
	slot->used = 1;
	return slot;
}

void *slab_take_at(struct slab *slab, uint32_t index, uint32_t generation)
{
	struct slab_slot *slot;

	if (index >= SLAB_CHUNKS_MAX * SLAB_CHUNK_SLOTS || generation == 0)
		return NULL;
	while (index >= slab->chunks * SLAB_CHUNK_SLOTS)
		if (slab_grow(slab) != 0)
			return NULL;
	slot = slot_at(slab, index);
	if (slot->used)
		return NULL;
	memset((char *)slot + sizeof *slot, 0, slab->slot_bytes - sizeof *slot);
	slot->generation = generation;
	slot->used = 1;
	return slot;
}

void slab_sort(struct slab *slab)
{
	slab->first_free = SLAB_NONE;
	for (uint32_t i = slab->chunks * SLAB_CHUNK_SLOTS; i-- > 0;) {
		struct slab_slot *slot = slot_at(slab, i);

		slot->next_free = SLAB_NONE;
		if (slot->used)
			continue;
		slot->next_free = slab->first_free;
		slab->first_free = i;
	}
}

void slab_give_back(struct slab *slab, void *memory)
{
	struct slab_slot *slot = memory;

	slot->used = 0;
	if (++slot->generation == 0)
		slot->generation = 1;
	slot->next_free = slab->first_free;
	slab->first_free = slot->index;
}

void *slab_at(const struct slab *slab, uint32_t index)
{
	return index < slab->chunks * SLAB_CHUNK_SLOTS ? slot_at(slab, index) : NULL;
}

void *slab_find(const struct slab *slab, uint32_t index, uint32_t generation)
{
	struct slab_slot *slot = slab_at(slab, index);

	return slot != NULL && slot->used && slot->generation == generation ? slot : NULL;
}
