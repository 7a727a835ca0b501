#include "store.h"

#include <string.h>

/* What lies on a shelf is looked at by peeking: nothing is received, so that another death finds everything
 * as it was. */

/* No queue has so many, whoever has filled it: net.unix.max_dgram_qlen or the buffer of its socket says stop.
 */
#define MESSAGES_MAX 8192u

/* Tries again what has failed for a reason that may pass. */
#define LOOK_AGAIN(call)                                                                                     \
	({                                                                                                   \
		int looked_ = (call);                                                                        \
		for (int tries_ = 1; looked_ < 0 && tries_ < LOOKS; tries_++)                                \
			looked_ = (call);                                                                    \
		looked_;                                                                                     \
	})
#define LOOKS 4

static int set_peek_offset(int end, int offset)
{
	return LOOK_AGAIN(sys_set_int(end, SOL_SOCKET, SO_PEEK_OFF, offset));
}

/* Whether a message of ours is in the queue of this end, wherever among others; or a negative errno. */
static int has_ours(int end)
{
	struct shelf_message message;
	int result = set_peek_offset(end, 0);

	for (uint32_t count = 0; result >= 0 && count < MESSAGES_MAX; count++) {
		result = LOOK_AGAIN(shelf_peek(end, &message));
		if (result == FOUND_NONE)
			return 0;
		if (result == FOUND_MESSAGE && message.ref != 0)
			return 1;
	}
	return result < 0 ? result : 0;
}

/* Whether the table says that something lies here. */
static bool has_entries(struct store *store, const struct shelf *shelf)
{
	for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
		if (atomic_load(&table_entry(store->table, shelf->number, i)->state) != ENTRY_FREE)
			return true;
	return false;
}

/* Whether the queue is at the first end instead; or a negative errno. */
static int are_swapped(struct store *store, const struct shelf *shelf)
{
	const struct table_shelf *known = table_shelf(store->table, shelf->number);
	uint64_t first = sys_cookie(shelf->ends[0]);
	int result = 0;

	if (first != 0 && (first == known->ends[0] || first == known->ends[1]))
		return first == known->ends[1];
	/* To take an empty end for the queue is to lose all that lies at the other one. */
	for (int tries = 0; tries < LOOKS; tries++) {
		if ((result = has_ours(shelf->ends[1])) != 0)
			return result < 0 ? result : 0;
		if ((result = has_ours(shelf->ends[0])) != 0 || !has_entries(store, shelf))
			break;
	}
	return result;
}

/* The ends come back in any order. Their cookies say which is which; where a program of an older form has not
 * noted them, what lies in the queues does. */
int shelf_put_in_order(struct store *store, struct shelf *shelf)
{
	int result = are_swapped(store, shelf);
	int end = shelf->ends[0];

	shelf->is_unordered = result < 0;
	if (result < 0)
		return result;
	if (result) {
		shelf->ends[0] = shelf->ends[1];
		shelf->ends[1] = end;
	}
	shelf_note_ends(store, shelf);
	return 0;
}

void shelf_note_ends(struct store *store, const struct shelf *shelf)
{
	struct table_shelf *known = table_shelf(store->table, shelf->number);

	for (int i = 0; i < 2; i++)
		known->ends[i] = sys_cookie(shelf->ends[i]);
}

/* Whether a message is the first one of a living entry; the entry counts as used in any case. */
static bool is_news(struct store *store, struct shelf *shelf, table_ref ref, bool used[static TABLE_ENTRIES])
{
	const struct table_entry *entry = table_find(store->table, ref);

	if (entry == NULL || table_ref_shelf(ref) != shelf->number || used[table_ref_index(ref)])
		return false;
	used[table_ref_index(ref)] = true;
	if (shelf_is_living(store, shelf, ref))
		return true;
	atomic_fetch_add(&shelf->dead, atomic_load(&entry->state) == ENTRY_DEAD);
	return false;
}

/* There is no room for these: their peers learn it at once, for the duplicates on the shelf say nothing yet.
 */
static void turn_away(const int fds[static 2], const struct table_entry *entry)
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0 && atomic_load(&entry->state) != ENTRY_PIPE)
			cut_off(fds[i], !(entry->is_unix & 1u << i));
		sys_close(fds[i]);
	}
}

static bool take_room(_Atomic int64_t *room, const int fds[static 2])
{
	int64_t count = (fds[0] >= 0) + (fds[1] >= 0);

	if (atomic_fetch_sub(room, count) >= count)
		return true;
	atomic_fetch_add(room, count);
	return false;
}

/* The next message, if it is one of a living entry that was not found before. */
static void take_next(struct store *store, struct shelf *shelf, table_ref ref, const int fds[static 2],
        _Atomic int64_t *room, bool used[static TABLE_ENTRIES], struct shelf_found *found)
{
	uint32_t index = table_ref_index(ref);

	if (!is_news(store, shelf, ref, used)) {
		sys_close(fds[0]);
		sys_close(fds[1]);
		return;
	}
	if (fds[0] >= 0 && take_room(room, fds)) {
		found[index] = (struct shelf_found){.ref = ref, .fds = {fds[0], fds[1]}};
		return;
	}
	turn_away(fds, table_entry(store->table, shelf->number, index));
	found[index] = (struct shelf_found){.ref = ref, .fds = {-1, -1}};
}

/* 0: all of them were seen; or why not. */
static int look_at_all(struct store *store, struct shelf *shelf, _Atomic int64_t *room,
        bool used[static TABLE_ENTRIES], struct shelf_found found[static TABLE_ENTRIES])
{
	struct shelf_message message;
	int fds[2];
	int result;

	shelf->is_unordered = true;
	if ((result = set_peek_offset(shelf->ends[0], -1)) < 0 ||
	        (result = set_peek_offset(shelf->ends[1], -1)) < 0 ||
	        (result = shelf_put_in_order(store, shelf)) < 0)
		return result;
	/* Peeking moves on by itself from there (socket(7), SO_PEEK_OFF). */
	if ((result = set_peek_offset(shelf->ends[1], 0)) < 0)
		return result;
	/* Both ends are ours, so that there is an end of the queue but none of the stream; what a stranger
	 * has shut down reads as empty messages without end. */
	while (shelf->messages < MESSAGES_MAX) {
		result = LOOK_AGAIN(shelf_receive(shelf->ends[1], MSG_PEEK, &message, fds));
		if (result <= 0)
			return result;
		shelf->messages++;
		take_next(store, shelf, message.ref, fds, room, used, found);
	}
	return 0;
}

/* Whoever is told of in the table, and was not seen although he may be there, ends: the kernel resets what is
 * taken out of the queue. */
static void give_up(struct store *store, struct shelf *shelf, uint32_t index)
{
	atomic_store(&table_entry(store->table, shelf->number, index)->state, ENTRY_DEAD);
	atomic_fetch_add(&shelf->dead, 1);
	shelf->messages++;
}

int shelf_walk(struct store *store, struct shelf *shelf, _Atomic int64_t *room,
        struct shelf_found found[static TABLE_ENTRIES], uint32_t *given_up)
{
	bool used[TABLE_ENTRIES] = {false};
	int result;

	memset(found, 0, TABLE_ENTRIES * sizeof *found);
	result = look_at_all(store, shelf, room, used, found);
	for (uint32_t i = TABLE_ENTRIES; i-- > 0;) {
		uint32_t state = atomic_load(&table_entry(store->table, shelf->number, i)->state);

		if (used[i])
			continue;
		if (result == 0 || state == ENTRY_FREE) {
			/* Whoever had it died between a message and its entry. */
			atomic_store(&table_entry(store->table, shelf->number, i)->state, ENTRY_FREE);
			shelf->free[shelf->free_count++] = (uint16_t)i;
			continue;
		}
		*given_up += state == ENTRY_SESSION || state == ENTRY_CLIENT;
		give_up(store, shelf, i);
	}
	return result;
}
