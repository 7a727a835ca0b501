/*
 * A data plane with a store, to be killed: StoreTests starts it again and again with the same listener, table
 * and shelves. Every client is dialed to one port of 127.0.0.1.
 *
 *   StoreWorker PORT LOOPS PIPE_PAGES SHELVES
 *
 * Descriptors: 3 the listener, 4 the table, from 5 on the ends of the shelves. It says what it recovered, and
 * then how many sessions are stored and how many clients wait, whenever that changes. SIGTERM: it leaves
 * everything in the store.
 */
#include "CSplice.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENER = 3, TABLE = 4, FIRST_SHELF = 5, EVENTS = 64 };

static csp_plane *plane;
static struct csp_address upstream = {.family = CSP_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
static _Atomic bool is_leaving;

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-result));
	exit(1);
}

static void handle(csp_loop *loop, const struct csp_event *event)
{
	if (event->kind == CSP_EVENT_ACCEPTED)
		(void)csp_session_dial(loop, event->session, &upstream, 1, 0); /* -ENOENT: it has left */
	else if (event->kind == CSP_EVENT_DIAL_FAILED)
		(void)csp_session_close(loop, event->session, true, NULL); /* as above */
	else if (event->kind == CSP_EVENT_STORE_FULL)
		csp_plane_refuse_shelves(plane);
}

static void *run(void *argument)
{
	csp_loop *loop = argument;
	struct csp_event events[EVENTS];

	while (!atomic_load(&is_leaving)) {
		int count = csp_loop_wait(loop, events, EVENTS, -1);

		for (int i = 0; i < count; i++)
			handle(loop, &events[i]);
	}
	return NULL;
}

/* Says what has changed since it was said last. */
static void tell(uint32_t loops)
{
	static long long told_stored = -1, told_waiting = 0;
	long long stored = 0, waiting = 0;

	for (uint32_t i = 0; i < loops; i++) {
		struct csp_loop_counters counters;

		csp_loop_read_counters(csp_plane_loop(plane, i), &counters);
		stored += (long long)counters.stored;
		waiting += (long long)(counters.accepted - counters.opened - counters.dial_failures);
	}
	if (stored != told_stored)
		printf("stored %lld\n", stored);
	if (waiting != told_waiting)
		printf("waiting %lld\n", waiting);
	fflush(stdout);
	told_stored = stored;
	told_waiting = waiting;
}

static bool is_told_to_leave(const sigset_t *signals)
{
	const struct timespec moment = {.tv_nsec = 20000000};

	return sigtimedwait(signals, NULL, &moment) > 0;
}

static void open_store(uint32_t shelves)
{
	struct csp_recovery recovery;

	must(csp_plane_open_store(plane, TABLE, true), "csp_plane_open_store");
	for (uint32_t i = 0; i < shelves; i++) {
		const int ends[] = {FIRST_SHELF + 2 * (int)i, FIRST_SHELF + 2 * (int)i + 1};

		must(csp_plane_add_shelf(plane, i, ends), "csp_plane_add_shelf");
	}
	must(csp_plane_recover(plane, &recovery), "csp_plane_recover");
	must(csp_plane_adopt_listener(plane, LISTENER), "csp_plane_adopt_listener");
	printf("recovered %u %u %u %u\n", recovery.sessions, recovery.clients, recovery.ended,
	        recovery.unsafe);
	fflush(stdout);
}

int main(int count, char **words)
{
	struct csp_options options = csp_options_default();
	pthread_t threads[CSP_LOOPS_MAX];
	sigset_t signals;

	if (count != 5)
		return 2;
	upstream.port = (uint16_t)atoi(words[1]);
	options.loops = (uint32_t)atoi(words[2]);
	options.pipe_pages = (uint32_t)atoi(words[3]);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	must(csp_plane_create(&options, &plane), "csp_plane_create");
	open_store((uint32_t)atoi(words[4]));
	for (uint32_t i = 0; i < options.loops; i++)
		must(-pthread_create(&threads[i], NULL, run, csp_plane_loop(plane, i)), "pthread_create");
	while (!is_told_to_leave(&signals))
		tell(options.loops);
	atomic_store(&is_leaving, true);
	for (uint32_t i = 0; i < options.loops; i++)
		must(csp_loop_wake(csp_plane_loop(plane, i)), "csp_loop_wake");
	for (uint32_t i = 0; i < options.loops; i++)
		pthread_join(threads[i], NULL);
	printf("left out %d\n", csp_plane_leave(plane));
	return 0;
}
