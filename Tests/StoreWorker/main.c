/*
 * A data plane with a store, to be killed: StoreTests starts it again and again with the same listener, table
 * and shelves. Every client is dialed to one port of 127.0.0.1.
 *
 *   StoreWorker PORT LOOPS PIPE_PAGES SHELVES [DESCRIPTORS]
 *
 * It may have so many descriptors, of which RESERVE are not for sessions. With STORE_WORKER_GROWS in its
 * environment it opens another shelf where all are full, which dies with it; else there are no more.
 *
 * Descriptors: 3 the listener, 4 the table, from 5 on the ends of the shelves. It says what it recovered, and
 * then how many sessions are stored and how many clients wait, whenever that changes. SIGTERM: it leaves
 * everything in the store. SIGUSR1: it does so, and stays all the same. SIGUSR2: it becomes itself anew by
 * execve(2), and holds the descriptors of what is stored open meanwhile.
 */
#include "CSplice.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENER = 3, TABLE = 4, FIRST_SHELF = 5, EVENTS = 64, RESERVE = 30 };

static csp_plane *plane;
static uint32_t shelf_count; /* in the beginning */
static struct csp_address upstream = {.family = CSP_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
static _Atomic bool is_leaving;
static _Atomic bool is_storing; /* all sessions, young ones too */
/* Under what the process before this one has held descriptors. */
static const char held_variable[] = "STORE_WORKER_HELD";

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-result));
	exit(1);
}

static void grow(void)
{
	static _Atomic uint32_t grown;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1 ? -errno : 0, "socketpair");
	must(csp_plane_add_shelf(plane, shelf_count + atomic_fetch_add(&grown, 1), ends),
	        "csp_plane_add_shelf");
}

static void handle(csp_loop *loop, const struct csp_event *event)
{
	if (event->kind == CSP_EVENT_ACCEPTED)
		(void)csp_session_dial(loop, event->session, &upstream, 1, 0); /* -ENOENT: it has left */
	else if (event->kind == CSP_EVENT_DIAL_FAILED)
		(void)csp_session_close(loop, event->session, true, NULL); /* as above */
	else if (event->kind == CSP_EVENT_STORE_FULL && getenv("STORE_WORKER_GROWS") != NULL)
		grow();
	else if (event->kind == CSP_EVENT_STORE_FULL)
		csp_plane_refuse_shelves(plane);
}

static void *run(void *argument)
{
	csp_loop *loop = argument;
	struct csp_event events[EVENTS];
	uint32_t cursor = 0;

	while (!atomic_load(&is_leaving)) {
		if (atomic_load(&is_storing) && cursor != UINT32_MAX) {
			must(csp_loop_store(loop, &cursor), "csp_loop_store");
			must(csp_loop_wake(loop), "csp_loop_wake");
		}

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

/* A signal that came within a moment, or -1. */
static int next_signal(const sigset_t *signals)
{
	const struct timespec moment = {.tv_nsec = 20000000};

	return sigtimedwait(signals, NULL, &moment);
}

static void start(pthread_t *threads, uint32_t loops)
{
	atomic_store(&is_leaving, false);
	for (uint32_t i = 0; i < loops; i++)
		must(-pthread_create(&threads[i], NULL, run, csp_plane_loop(plane, i)), "pthread_create");
}

static void wake_all(uint32_t loops)
{
	for (uint32_t i = 0; i < loops; i++)
		must(csp_loop_wake(csp_plane_loop(plane, i)), "csp_loop_wake");
}

static void stop(const pthread_t *threads, uint32_t loops)
{
	atomic_store(&is_leaving, true);
	wake_all(loops);
	for (uint32_t i = 0; i < loops; i++)
		pthread_join(threads[i], NULL);
}

/* Becomes this program again. */
static void become(char **words, uint32_t shelves)
{
	uint64_t held = csp_plane_hold(plane);
	char text[32];

	(void)snprintf(text, sizeof text, "%llx", (unsigned long long)held);
	must(-setenv(held_variable, text, 1), "setenv");
	for (int fd = LISTENER; fd < FIRST_SHELF + 2 * (int)shelves; fd++)
		must(fcntl(fd, F_SETFD, 0) == -1 ? -errno : 0, "F_SETFD");
	execv("/proc/self/exe", words);
	must(-errno, "execv");
}

static void serve(char **words, uint32_t loops, uint32_t shelves, const sigset_t *signals)
{
	pthread_t threads[CSP_LOOPS_MAX];
	int signal = -1;

	start(threads, loops);
	while (signal != SIGTERM && signal != SIGUSR2) {
		tell(loops);
		signal = next_signal(signals);
		if (signal != SIGUSR1)
			continue;
		stop(threads, loops);
		printf("left out %d\n", csp_plane_leave(plane));
		(void)csp_plane_hold(plane);
		csp_plane_stay(plane);
		start(threads, loops);
	}
	if (signal == SIGUSR2) {
		atomic_store(&is_storing, true);
		wake_all(loops);
	}
	stop(threads, loops);
	printf("left out %d\n", csp_plane_leave(plane));
	fflush(stdout);
	if (signal == SIGUSR2)
		become(words, shelves);
}

static void open_store(uint32_t shelves)
{
	struct csp_recovery recovery;
	const char *held = getenv(held_variable);

	shelf_count = shelves;
	must(csp_plane_open_store(plane, TABLE, true), "csp_plane_open_store");
	for (uint32_t i = 0; i < shelves; i++) {
		const int ends[] = {FIRST_SHELF + 2 * (int)i, FIRST_SHELF + 2 * (int)i + 1};

		must(csp_plane_add_shelf(plane, i, ends), "csp_plane_add_shelf");
	}
	if (held != NULL && strcmp(held, "0") != 0)
		must(csp_plane_expect_held(plane, strtoull(held, NULL, 16)), "csp_plane_expect_held");
	must(csp_plane_recover(plane, &recovery), "csp_plane_recover");
	must(csp_plane_adopt_listener(plane, LISTENER), "csp_plane_adopt_listener");
	printf("recovered %u %u %u %u %u\n", recovery.sessions, recovery.clients, recovery.ended,
	        recovery.unsafe, recovery.refused);
	fflush(stdout);
}

static void limit_descriptors(struct csp_options *options, uint32_t count)
{
	const struct rlimit limit = {.rlim_cur = count, .rlim_max = count};

	must(setrlimit(RLIMIT_NOFILE, &limit) == -1 ? -errno : 0, "setrlimit");
	options->max_descriptors = count - RESERVE;
}

int main(int count, char **words)
{
	struct csp_options options = csp_options_default();
	sigset_t signals;

	if (count != 5 && count != 6)
		return 2;
	if (count == 6)
		limit_descriptors(&options, (uint32_t)atoi(words[5]));
	upstream.port = (uint16_t)atoi(words[1]);
	options.loops = (uint32_t)atoi(words[2]);
	options.pipe_pages = (uint32_t)atoi(words[3]);
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	must(csp_plane_create(&options, &plane), "csp_plane_create");
	open_store((uint32_t)atoi(words[4]));
	serve(words, options.loops, (uint32_t)atoi(words[4]), &signals);
	return 0;
}
