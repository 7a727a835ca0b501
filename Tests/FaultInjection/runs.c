#include "runs.h"
#include "play.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_S = 120, FAILURES_MAX = 40, CHILDREN_OF_PROCESSOR = 4, CHILDREN_MAX = 32 };

/* What a child has said is of interest only if it fails. */
struct child {
	pid_t pid; /* 0: none */
	int words;
	struct run run;
};

static struct child children[CHILDREN_MAX];
static uint32_t running;

/* relay.c:76:flush is at relay.c:flush, whatever the line. */
static bool is_at(const char *place, const char *wanted)
{
	const char *file_end = strchr(place, ':');
	const char *function = strrchr(place, ':');
	const char *wanted_function = strchr(wanted, ':');

	return file_end != NULL && wanted_function != NULL && strcmp(function, wanted_function) == 0 &&
	       file_end - place == wanted_function - wanted &&
	       strncmp(place, wanted, (size_t)(file_end - place)) == 0;
}

/* Lines of a call, a place and the reason why it is neither reached nor, as a second fault, tried. */
static void read_exempt(struct runs *runs, const char *path)
{
	FILE *file = fopen(path, "re");
	char call[CALL_NAME];
	char place[PLACE_NAME];

	must(file != NULL, path);
	while (fscanf(file, "%23s %71s%*[^\n]", call, place) == 2) {
		bool is_known = false;

		for (uint32_t i = 0; i < runs->sites.count; i++) {
			const struct site *site = &runs->sites.all[i];
			bool is_it = strcmp(call, site->call) == 0 && is_at(site->place, place);

			runs->is_exempt[i] |= is_it;
			is_known |= is_it;
		}
		must(call[0] == '#' || is_known, place);
	}
	(void)fclose(file); /* it was read only */
}

void runs_open(struct runs *runs, char **words)
{
	sites_read(&runs->sites, words[0]);
	errnos_read(&runs->errnos, words[1]);
	read_exempt(runs, words[2]);
	runs->tally =
	        mmap(NULL, sizeof *runs->tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(runs->tally != MAP_FAILED, "mmap");
}

/* ---- one run ---- */

/* Three of epoll_wait's errors can only be our own mistake: there the plane ends the process (loop.c). */
static bool ends_the_process(const struct runs *runs, const struct run *run)
{
	const struct fault *last = &run->faults[run->count > 0 ? run->count - 1 : 0];

	return run->count > 0 && last->error != EINTR &&
	       strcmp(runs->sites.all[last->site].call, "epoll_wait") == 0;
}

static uint32_t harmed_most(const struct run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		if (run->faults[i].times != 1)
			return UINT32_MAX;
	return run->count;
}

/* Calls that are reached only because one failed are tried with that fault, later. */
static void note_detours(struct runs *runs, const struct run *run, const struct visits *visits)
{
	for (uint32_t site = 0; site < runs->sites.count; site++)
		if (visits->counts[site] > 0 && !atomic_exchange(&runs->tally->detours[site].is_taken, true))
			runs->tally->detours[site].run = *run;
}

void run_here(struct runs *runs, const struct run *run)
{
	static struct visits visits;

	alarm(DEADLINE_S);
	faults_begin(&runs->sites, run->count == 0 ? &runs->tally->visits[run->scene] : &visits, run->faults,
	        run->count);
	play(scene_number(run->scene), harmed_most(run));
	if (run->count == 1 && run->faults[0].times == 1)
		note_detours(runs, run, &visits);
	atomic_fetch_add(&runs->tally->happened, faults_fired() > 0);
}

/* ---- many ---- */

static void describe(const struct runs *runs, const struct run *run)
{
	printf("%s", scene_number(run->scene)->name);
	for (uint32_t i = 0; i < run->count; i++) {
		const struct fault *fault = &run->faults[i];

		printf(" %s@%s %s %u %u", runs->sites.all[fault->site].call,
		        runs->sites.all[fault->site].place, errno_name(fault->error), fault->first,
		        fault->times);
	}
	printf("\n");
}

static void report(struct runs *runs, const struct child *child, int status)
{
	char text[4096];
	ssize_t length = pread(child->words, text, sizeof text - 1, 0);

	text[length < 0 ? 0 : length] = 0;
	printf("faultinject: FAILED (%s %d): ", WIFSIGNALED(status) ? "signal" : "exit",
	        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	describe(runs, &child->run);
	printf("%s\n", text);
	if (++runs->failures == FAILURES_MAX) {
		printf("faultinject: and more\n");
		exit(1);
	}
}

static void await_one(struct runs *runs)
{
	int status;
	pid_t pid = wait(&status);
	struct child *child = children;

	must(pid > 0, "wait");
	while (child->pid != pid)
		child++;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		report(runs, child, status);
	must(close(child->words) == 0, "close");
	child->pid = 0;
	running--;
}

static void end_as_promised(int signal)
{
	(void)signal;
	_exit(0);
}

static void be_child(struct runs *runs, const struct child *child)
{
	must(dup2(child->words, STDERR_FILENO) == STDERR_FILENO, "dup2");
	if (ends_the_process(runs, &child->run))
		(void)signal(SIGABRT, end_as_promised);
	run_here(runs, &child->run);
	if (ends_the_process(runs, &child->run) && faults_fired() > 0) {
		fprintf(stderr, "a mistake of ours goes on\n");
		_exit(1);
	}
	_exit(0);
}

/* Most of them wait most of the time. */
static uint32_t children_at_once(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	long children = processors < 1 ? 1 : processors * CHILDREN_OF_PROCESSOR;

	return children > CHILDREN_MAX ? CHILDREN_MAX : (uint32_t)children;
}

void run_apart(struct runs *runs, const struct run *run)
{
	struct child *child = children;

	while (running >= children_at_once())
		await_one(runs);
	while (child->pid != 0)
		child++;
	child->run = *run;
	must((child->words = memfd_create("words", MFD_CLOEXEC)) >= 0, "memfd_create");
	fflush(stdout);
	runs->runs++;
	running++;
	child->pid = fork();
	must(child->pid >= 0, "fork");
	if (child->pid == 0)
		be_child(runs, child);
}

void runs_await(struct runs *runs)
{
	while (running > 0)
		await_one(runs);
}
