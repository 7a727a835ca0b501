#include "store.h"

#include <stdlib.h>
#include <string.h>

/* Of all that a plane may hold open, one session needs two; below this not even two could be served. */
#define DESCRIPTORS_MIN 4u
/* Longer than any round trip that spinning could win. */
#define SPIN_US_MAX 1000u

struct csp_options csp_options_default(void)
{
	return (struct csp_options){
	        .loops = 1,
	        .max_sessions = 1000000,
	        .max_descriptors = 1000000,
	        .pipe_pages = 8192,
	        .keepalive_s = 15,
	        .user_timeout_ms = 120000,
	        .backlog = 4096,
	        .suspect_after_ms = 500,
	        .loopback_congestion = "reno",
	};
}

int csp_options_set_loopback_congestion(struct csp_options *options, const char *name)
{
	size_t length = strlen(name);

	if (length >= sizeof options->loopback_congestion)
		return -ENAMETOOLONG;
	memcpy(options->loopback_congestion, name, length + 1);
	return 0;
}

int csp_options_try_loopback_congestion(const struct csp_options *options)
{
	int fd = SYS_RETRY(int, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int result;

	if (fd < 0)
		return fd;
	result = tcp_set_loopback_congestion(fd, options);
	sys_close(fd);
	return result;
}

static bool are_valid(const struct csp_options *options)
{
	return options->loops >= 1 && options->loops <= CSP_LOOPS_MAX && options->max_sessions >= 1 &&
	       options->max_descriptors >= DESCRIPTORS_MIN && options->max_descriptors <= INT32_MAX &&
	       options->pipe_pages <= INT32_MAX && options->keepalive_s >= 1 &&
	       options->keepalive_s <= 32767 && options->user_timeout_ms <= INT32_MAX &&
	       options->backlog >= 1 && options->backlog <= INT32_MAX &&
	       options->suspect_after_ms <= 3600000 && options->spin_us <= SPIN_US_MAX &&
	       memchr(options->loopback_congestion, 0, sizeof options->loopback_congestion) != NULL;
}

static void set_changeable(csp_plane *plane, const struct csp_options *options)
{
	atomic_store_explicit(&plane->max_sessions, options->max_sessions, memory_order_relaxed);
	atomic_store_explicit(&plane->keepalive_s, options->keepalive_s, memory_order_relaxed);
	atomic_store_explicit(&plane->user_timeout_ms, options->user_timeout_ms, memory_order_relaxed);
}

int csp_plane_create(const struct csp_options *options, csp_plane **out)
{
	csp_plane *plane;
	int error = 0;

	*out = NULL;
	if (!are_valid(options))
		return -EINVAL;
	plane = calloc(1, sizeof *plane);
	if (plane == NULL)
		return -ENOMEM;
	plane->options = *options;
	set_changeable(plane, options);
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++) {
		plane->listeners[i].fd = -1;
		(void)pthread_mutex_init(
		        &plane->listeners[i].lock, NULL); /* a default mutex: cannot fail on Linux */
	}
	for (uint32_t i = 0; i < options->loops; i++) {
		plane->loops[i] = loop_create(plane, i, &error);
		if (plane->loops[i] == NULL) {
			csp_plane_destroy(plane);
			return error;
		}
	}
	*out = plane;
	return 0;
}

int csp_plane_change(csp_plane *plane, uint32_t max_sessions, uint32_t keepalive_s, uint32_t user_timeout_ms)
{
	struct csp_options options = plane->options;

	options.max_sessions = max_sessions;
	options.keepalive_s = keepalive_s;
	options.user_timeout_ms = user_timeout_ms;
	if (!are_valid(&options))
		return -EINVAL;
	set_changeable(plane, &options);
	listeners_changed(plane);
	return 0;
}

void csp_plane_name_peers(csp_plane *plane, bool names_peers)
{
	atomic_store_explicit(&plane->names_peers, names_peers, memory_order_relaxed);
}

void csp_plane_destroy(csp_plane *plane)
{
	if (plane == NULL)
		return;
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++)
		if (plane->listeners[i].fd >= 0)
			(void)csp_plane_unlisten(plane, i); /* it exists */
	for (uint32_t i = 0; i < plane->options.loops; i++)
		loop_destroy(plane->loops[i]);
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++)
		(void)pthread_mutex_destroy(&plane->listeners[i].lock); /* unlocked: cannot fail */
	store_close(plane->store);
	free(plane);
}

csp_loop *csp_plane_loop(csp_plane *plane, uint32_t index)
{
	return plane->loops[index];
}
