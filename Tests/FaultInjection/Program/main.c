/* clang-format off: what follows is a table
 *
 * The program itself, with a fault in one of its calls at a time.
 *
 *   program GATEWAY PRELOAD reach                           tells of each call that a trial reaches: module, offset, call
 *   program GATEWAY PRELOAD try SITES ERRNOS [N OF M]       a trial for each line of SITES and each errno: the N-th of M
 *   program GATEWAY PRELOAD hostile                         machines that forbid, lack or shift what we can do without
 *   program GATEWAY PRELOAD heirs                           a killed gateway's session, and heirs that cannot begin
 *   program GATEWAY PRELOAD once MODULE OFFSET CALL ERRNO FIRST TIMES
 */
/* clang-format on */
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 512, BURST = 3, OFFSET_BITS = 56 };

struct setting {
	struct program program;
	char path[64];
	struct control *control;
	uint32_t trials, happened, failed;
};

static void share(struct setting *setting)
{
	int fd;

	strcpy(setting->path, "/tmp/faultinject-control.XXXXXX");
	fd = mkostemp(setting->path, O_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, sizeof *setting->control) == 0, "a file to be shared");
	setting->control = mmap(NULL, sizeof *setting->control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(setting->control != MAP_FAILED, "mmap");
	close(fd);
	setting->program.control = setting->control;
	setting->program.control_path = setting->path;
}

static void reach(struct setting *setting)
{
	static struct world world;
	const char *trouble;

	world_open(&world);
	trouble = trial(&setting->program, &world);
	world_close(&world);
	if (trouble != NULL)
		fprintf(stderr, "%s\n%s\n", trouble, world.said);
	must(trouble == NULL, "a trial in which nothing fails");
	for (int i = 0; i < PLACES_MAX; i++) {
		const struct place *place = &setting->control->places[i];
		uint64_t name = atomic_load(&place->name);

		if (name != 0)
			printf("%d %llx %s %u\n", (int)(name >> OFFSET_BITS),
			        (unsigned long long)(name & ((1ull << OFFSET_BITS) - 1)), place->call,
			        atomic_load(&place->visits));
	}
}

/* With the fault that control tells of. What the gateway said is there until the next one. */
static const char *play(struct setting *setting, struct world *world)
{
	const char *trouble;

	atomic_store(&setting->control->is_armed, 1);
	world_open(world);
	trouble = trial(&setting->program, world);
	world_close(world);
	setting->trials++;
	setting->happened += atomic_load(&setting->control->fired) > 0;
	setting->failed += trouble != NULL;
	return trouble;
}

static void try_one(struct setting *setting, uint64_t place, const char *call, int error, uint32_t first,
        uint32_t times, const char *where)
{
	static struct world world;
	const char *trouble;

	memset(setting->control, 0, sizeof *setting->control);
	setting->control->place = place;
	setting->control->error = error;
	setting->control->first = first;
	setting->control->times = times;
	trouble = play(setting, &world);
	if (trouble == NULL)
		return;
	printf("faultinject: FAILED: %s: once %d %llx %s %s %u %u (%s)\n%s\n", trouble,
	        (int)(place >> OFFSET_BITS), (unsigned long long)(place & ((1ull << OFFSET_BITS) - 1)), call,
	        errno_name(error), first, times, where, world.said);
}

/* EBADF and EFAULT can only be a mistake of ours, and end the process (SystemError); so does what
 * epoll_wait(2) says of a set that is none. */
static bool is_mistake(const char *call, int error)
{
	return error == EBADF || error == EFAULT || (error == EINVAL && strcmp(call, "epoll_wait") == 0);
}

/* What it says there tells us how it is: without it for ever nobody could. */
static bool is_of_the_log(const char *where)
{
	return strncmp(where, "LineLog.swift:", strlen("LineLog.swift:")) == 0;
}

/* EINTR comes a few times. */
static uint32_t always(const char *call, int error)
{
	return error == EINTR || (error == EAGAIN && strcmp(call, "pthread_create") != 0) ? BURST
	                                                                                  : UINT32_MAX;
}

static void try_all(
        struct setting *setting, const char *sites, const char *table, uint32_t number, uint32_t of)
{
	static struct errnos errnos;
	FILE *file = fopen(sites, "re");
	char line[LINE], call[CALL_NAME], where[LINE];
	unsigned long long offset;
	uint32_t module, visits, turn = 0;

	must(file != NULL, sites);
	errnos_read(&errnos, table);
	while (fgets(line, sizeof line, file) != NULL) {
		uint32_t count;
		const int *errors;

		must(sscanf(line, "%u %llx %23s %u %500s", &module, &offset, call, &visits, where) == 5,
		        line);
		errors = errnos_of(&errnos, call, &count);
		must(errors != NULL, call);
		for (uint32_t i = 0; i < count; i++)
			for (int manner = 0; manner < 2; manner++)
				if (!is_mistake(call, errors[i]) && !(manner == 1 && is_of_the_log(where)) &&
				        turn++ % of == number)
					try_one(setting, (uint64_t)module << OFFSET_BITS | offset, call,
					        errors[i], 1, manner == 0 ? 1 : always(call, errors[i]),
					        where);
	}
	(void)fclose(file); /* it was read only */
	printf("faultinject: %u trials of the program, the fault happened in %u, %u failed\n",
	        setting->trials, setting->happened, setting->failed);
}

/* All of these are done without, from the first call to the last. */
static void try_hostile(struct setting *setting)
{
	static const struct {
		const char *call;
		int error;
		int32_t steps_s;
	} machines[] = {
	        {"setsockopt", EPERM, 0},
	        {"getsockopt", EPERM, 0},
	        {"socket of IPv6", EAFNOSUPPORT, 0},
	        {"inotify_init1", EMFILE, 0},
	        {"inotify_add_watch", ENOSPC, 0},
	        {"getifaddrs", EPERM, 0},
	        {"sched_getaffinity", EPERM, 0},
	        {"setrlimit", EPERM, 0},
	        {"splice", ENOSYS, 0},
	        {"pipe2", EMFILE, 0},
	        {"memfd_create", ENOSYS, 0},
	        {"fsync", EIO, 0},
	        {"rename", EROFS, 0},
	        {"unlink", EROFS, 0},
	        {"readlink", ENOENT, 0},
	        {"none", 0, 5 * 3600},
	        {"none", 0, -5 * 3600},
	};
	static struct world world;

	for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
		const char *trouble;

		memset(setting->control, 0, sizeof *setting->control);
		strcpy(setting->control->call, machines[i].call);
		setting->control->error = machines[i].error;
		setting->control->first = 1;
		setting->control->times = UINT32_MAX;
		setting->control->steps_s = machines[i].steps_s;
		setting->control->is_harmless = 1;
		trouble = play(setting, &world);
		printf("faultinject: %s %s, clock %+d s: %s\n", machines[i].call,
		        errno_name(machines[i].error), machines[i].steps_s,
		        trouble == NULL ? "served" : trouble);
		if (trouble != NULL)
			printf("FAILED\n%s\n", world.said);
	}
}

static void try_heirs(struct setting *setting)
{
	static struct world world;
	const char *trouble;

	world_open(&world);
	trouble = heirs(&setting->program, &world);
	printf("faultinject: a killed gateway's session, and heirs that cannot begin: %s\n",
	        trouble == NULL ? "it lives" : trouble);
	if (trouble != NULL)
		printf("FAILED\n%s\n", world.said);
	world_close(&world);
	setting->failed += trouble != NULL;
}

static void try_once(struct setting *setting, char **words)
{
	int error = errno_number(words[3]);

	must(error != 0, "an errno");
	try_one(setting, strtoull(words[0], NULL, 10) << OFFSET_BITS | strtoull(words[1], NULL, 16), words[2],
	        error, (uint32_t)strtoul(words[4], NULL, 10), (uint32_t)strtoul(words[5], NULL, 10), "");
	printf("faultinject: it happened %u times\n", setting->happened);
}

int main(int count, char **words)
{
	struct setting setting = {.program = {.path = words[1], .preload = words[2]}};

	must(count >= 4, "GATEWAY PRELOAD reach|try|once");
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* so that what is known is told whatever follows */
	share(&setting);
	if (strcmp(words[3], "reach") == 0)
		reach(&setting);
	else if (strcmp(words[3], "try") == 0 && count >= 6)
		try_all(&setting, words[4], words[5], count == 8 ? (uint32_t)strtoul(words[6], NULL, 10) : 0,
		        count == 8 ? (uint32_t)strtoul(words[7], NULL, 10) : 1);
	else if (strcmp(words[3], "heirs") == 0)
		try_heirs(&setting);
	else if (strcmp(words[3], "hostile") == 0)
		try_hostile(&setting);
	else if (strcmp(words[3], "once") == 0 && count == 10)
		try_once(&setting, words + 4);
	else
		must(false, "known words");
	(void)unlink(setting.path); /* ours */
	return setting.failed > 0;
}
