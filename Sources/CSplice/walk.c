#include "store.h"

#include <string.h>

/* What lies on a shelf is looked at by peeking: nothing is received, so that another death finds everything
 * as it was. */

/* No queue has so many, whoever has filled it: net.unix.max_dgram_qlen or the buffer of its socket says stop.
 */
#define MESSAGES_MAX 8192u

/* Whether a message of ours is in the queue of this end, wherever among others. */
static bool has_ours(int end)
{
	struct shelf_message message;
	ssize_t got;

	if (sys_set_int(end, SOL_SOCKET, SO_PEEK_OFF, 0) < 0)
		return false;
	for (uint32_t count = 0; count < MESSAGES_MAX; count++) {
		got = sys_recv(end, &message, sizeof message, MSG_PEEK | MSG_DONTWAIT);
		if (got < 0)
			return false;
		if (shelf_message_is_ours(&message, got))
			return true;
	}
	return false;
}

/* The ends come back in any order. Their cookies say which is which; where a program of an older form has not
 * noted them, what lies in the queues does. */
static void put_ends_in_order(struct store *store, struct shelf *shelf)
{
	struct table_shelf *known = table_shelf(store->table, shelf->number);
	uint64_t first = sys_cookie(shelf->ends[0]);
	bool is_known = first != 0 && (first == known->ends[0] || first == known->ends[1]);

	if (is_known ? first == known->ends[1] : !has_ours(shelf->ends[1]) && has_ours(shelf->ends[0])) {
		int end = shelf->ends[0];

		shelf->ends[0] = shelf->ends[1];
		shelf->ends[1] = end;
	}
	shelf_note_ends(store, shelf);
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
static void turn_away(const int fds[static 2], enum entry_state state)
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0 && state != ENTRY_PIPE) {
			tcp_reset(fds[i]); /* of a unix socket it does nothing: shutdown does */
			(void)shutdown(fds[i], SHUT_RDWR); /* ENOTCONN: the reset was enough */
		}
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
	turn_away(
	        fds, (enum entry_state)atomic_load(&table_entry(store->table, shelf->number, index)->state));
	found[index] = (struct shelf_found){.ref = ref, .fds = {-1, -1}};
}

int shelf_walk(struct store *store, struct shelf *shelf, _Atomic int64_t *room,
        struct shelf_found found[static TABLE_ENTRIES])
{
	bool used[TABLE_ENTRIES] = {false};
	struct shelf_message message;
	int fds[2];
	int result;

	memset(found, 0, TABLE_ENTRIES * sizeof *found);
	if ((result = sys_set_int(shelf->ends[0], SOL_SOCKET, SO_PEEK_OFF, -1)) < 0 ||
	        (result = sys_set_int(shelf->ends[1], SOL_SOCKET, SO_PEEK_OFF, -1)) < 0)
		return result;
	put_ends_in_order(store, shelf);
	/* Peeking moves on by itself from there (socket(7), SO_PEEK_OFF). */
	if ((result = sys_set_int(shelf->ends[1], SOL_SOCKET, SO_PEEK_OFF, 0)) < 0)
		return result;
	/* Both ends are ours, so that there is an end of the queue but none of the stream; what a stranger
	 * has shut down reads as empty messages without end. */
	while (shelf->messages < MESSAGES_MAX) {
		result = shelf_receive(shelf->ends[1], MSG_PEEK, &message, fds);
		if (result <= 0 && result != -EMFILE)
			break;
		shelf->messages++;
		take_next(store, shelf, message.ref, fds, room, used, found);
	}
	for (uint32_t i = TABLE_ENTRIES; i-- > 0;)
		if (!used[i])
			shelf->free[shelf->free_count++] = (uint16_t)i;
	return result < 0 ? result : 0;
}
