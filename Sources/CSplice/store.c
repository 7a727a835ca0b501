#include "store.h"

#include <stdlib.h>
#include <string.h>

int csp_plane_open_store(csp_plane *plane, int fd, bool is_kept)
{
	struct store *store = calloc(1, sizeof *store);
	int result;

	if (store == NULL)
		return -ENOMEM;
	if ((result = table_map(fd, &store->table)) < 0) {
		free(store);
		return result;
	}
	store->is_kept = is_kept;
	plane->store = store;
	for (uint32_t i = 0; i < plane->options.loops; i++) {
		csp_loop *loop = plane->loops[i];

		loop->shelf = i; /* so that the loops begin with shelves of their own */
		loop->shared_buffer = table_buffer(store->table, i);
		loop->buffer = loop->shared_buffer->bytes;
		free(loop->own_buffer);
		loop->own_buffer = NULL;
	}
	return 0;
}

static void shelf_destroy(struct shelf *shelf)
{
	if (shelf == NULL)
		return;
	(void)pthread_mutex_destroy(&shelf->lock); /* unlocked: cannot fail */
	sys_close(shelf->ends[0]);
	sys_close(shelf->ends[1]);
	free(shelf);
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	for (uint32_t i = 0; i < CSP_SHELVES_MAX; i++)
		shelf_destroy(atomic_load(&store->shelves[i]));
	table_unmap(store->table);
	free(store);
}

int csp_plane_add_shelf(csp_plane *plane, uint32_t number, const int ends[2])
{
	struct store *store = plane->store;
	struct shelf *shelf;
	struct shelf *none = NULL;
	int result;

	if (store == NULL || number >= CSP_SHELVES_MAX ||
	        sys_get_int(ends[0], SOL_SOCKET, SO_TYPE) != SOCK_SEQPACKET ||
	        sys_get_int(ends[1], SOL_SOCKET, SO_TYPE) != SOCK_SEQPACKET)
		return -EINVAL;
	/* Whoever may not look at a queue from its beginning would never find again what he parks there. */
	for (int i = 0; i < 2; i++)
		if ((result = sys_set_int(ends[i], SOL_SOCKET, SO_PEEK_OFF, -1)) < 0)
			return result;
	shelf = calloc(1, sizeof *shelf);
	if (shelf == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&shelf->lock, NULL); /* a default mutex: cannot fail on Linux */
	shelf->number = number;
	shelf->capacity = TABLE_ENTRIES;
	for (int i = 0; i < 2; i++)
		shelf->ends[i] = ends[i];
	/* One that an earlier process has used is counted by csp_plane_recover, which puts its ends in order
	 * too. */
	for (uint32_t i = TABLE_ENTRIES; i-- > 0;)
		shelf->free[shelf->free_count++] = (uint16_t)i;
	if (!atomic_compare_exchange_strong(&store->shelves[number], &none, shelf)) {
		(void)pthread_mutex_destroy(&shelf->lock); /* as in shelf_destroy */
		free(shelf);
		return -EEXIST;
	}
	if (table_shelf(store->table, number)->next_generation == 0)
		shelf_note_ends(store, shelf); /* it is new */
	for (uint32_t count = atomic_load(&store->shelf_count); count < number + 1;)
		if (atomic_compare_exchange_strong(&store->shelf_count, &count, number + 1))
			break;
	atomic_store(&store->is_short, false);
	return 0;
}

void csp_plane_refuse_shelves(csp_plane *plane)
{
	if (plane->store == NULL)
		return;
	atomic_store(&plane->store->is_final, true);
	atomic_store(&plane->store->is_short, false);
}

/* ---- for all loops at once: clients wait meanwhile ---- */

struct work {
	csp_loop *loop;
	void (*does)(csp_loop *loop);
};

static void *run_work(void *argument)
{
	const struct work *work = argument;

	work->does(work->loop);
	return NULL;
}

void for_each_loop(csp_plane *plane, void (*does)(csp_loop *loop))
{
	struct work works[CSP_LOOPS_MAX];
	pthread_t threads[CSP_LOOPS_MAX];
	bool has_thread[CSP_LOOPS_MAX] = {false};

	for (uint32_t i = 1; i < plane->options.loops; i++) {
		works[i] = (struct work){.loop = plane->loops[i], .does = does};
		has_thread[i] = pthread_create(&threads[i], NULL, run_work, &works[i]) == 0;
	}
	does(plane->loops[0]);
	for (uint32_t i = 1; i < plane->options.loops; i++)
		if (!has_thread[i]) /* no memory for one: this thread does it */
			does(plane->loops[i]);
		else
			(void)pthread_join(threads[i], NULL); /* it was created above: cannot fail */
}
