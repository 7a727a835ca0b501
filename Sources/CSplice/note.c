#include "store.h"

#include <string.h>

/* What the caller leaves to the next process, in two places by turns: one of them is whole at any time. */

static struct table_note *note_of(struct store *store, bool last)
{
	struct table_note *one = table_note(store->table, 0);
	struct table_note *other = table_note(store->table, 1);
	bool one_is_last = atomic_load(&one->sequence) >= atomic_load(&other->sequence);

	return one_is_last == last ? one : other;
}

int csp_plane_write_note(csp_plane *plane, const void *bytes, uint32_t length)
{
	struct table_note *last;
	struct table_note *next;

	if (plane->store == NULL)
		return -ENOENT;
	if (length > CSP_NOTE_MAX)
		return -E2BIG;
	last = note_of(plane->store, true);
	next = note_of(plane->store, false);
	if (atomic_load(&last->sequence) == UINT64_MAX) /* nobody has written so many: it is damaged */
		atomic_store(&last->sequence, 0);
	memcpy(next->bytes, bytes, length);
	next->length = length;
	next->check = table_check(next->bytes, length);
	atomic_store(&next->sequence, atomic_load(&last->sequence) + 1);
	return 0;
}

int csp_plane_read_note(csp_plane *plane, void *bytes, uint32_t capacity)
{
	const struct table_note *note;
	uint32_t length;

	if (plane->store == NULL)
		return -ENOENT;
	note = note_of(plane->store, true);
	length = note->length;
	if (atomic_load(&note->sequence) == 0)
		return 0;
	if (length > CSP_NOTE_MAX || length > capacity || note->check != table_check(note->bytes, length))
		return -EPROTO;
	memcpy(bytes, note->bytes, length);
	return (int)length;
}
