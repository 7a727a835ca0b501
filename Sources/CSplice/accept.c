#include "listener.h"

/* Who accepts at a listener, and when nobody does. */

/* How many connections one wake-up accepts before the loop looks at its sessions again. */
#define ACCEPT_BATCH 16
/*
 * A loop passes the accept role on when the one with the fewest sessions has less than it by more than this
 * share of what it has beyond FEW. To pass it costs two calls, a lock and a wake-up: with an eighth of all,
 * short connections were 6 % fewer (2026-11-27), with a half no more than with a third. A few sessions are
 * spread evenly, for each may be a heavy one.
 */
#define UNEVEN_SHARE 3
#define FEW 8
/* How long accepting rests when descriptors or memory ran out and no session of ours ends meanwhile. */
#define ACCEPT_RETRY_NS 100000000u
/* So many connections may fail one after the other before it is the listener that does. */
#define FAILURES_MAX 16

static void tell(csp_loop *loop, enum csp_event_kind kind, uint32_t listener, int error)
{
	struct csp_event event = {
	        .kind = kind, .listener = listener, .error = error, .endpoint = CSP_ENDPOINT_NONE};

	(void)loop_push_event(loop, &event); /* news only: nothing depends on it */
}

/* ---- whose turn it is ---- */

/* The loop that is to accept next: the one with the fewest sessions, unless self has hardly more. */
static csp_loop *least_busy(csp_plane *plane, csp_loop *self)
{
	csp_loop *best = self;
	uint64_t own = counter_get(&self->counters.sessions);
	uint64_t allowed;

	for (uint32_t i = 0; i < plane->options.loops; i++) {
		csp_loop *loop = plane->loops[i];

		if (counter_get(&loop->counters.sessions) < counter_get(&best->counters.sessions))
			best = loop;
	}
	allowed = own > FEW ? (own - FEW) / UNEVEN_SHARE : 0;
	return own - counter_get(&best->counters.sessions) > allowed ? best : self;
}

int listener_arm(csp_plane *plane, uint32_t index, uint32_t loop, uint32_t events)
{
	int epoll = plane->loops[loop]->epoll;
	int fd = plane->listeners[index].fd;
	int result = sys_epoll_ctl(epoll, EPOLL_CTL_MOD, fd, events, listener_tag(index));

	if (result == 0)
		return 0;
	(void)sys_epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0, 0); /* -ENOENT: it had been taken out before */
	return sys_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, events, listener_tag(index));
}

/* epoll_ctl works on another loop's set, and wakes it where a connection waits: no message is needed. False:
 * the role stays where it is. */
static bool pass_role(csp_plane *plane, uint32_t index, csp_loop *from, csp_loop *to)
{
	if (listener_arm(plane, index, to->index, EPOLLIN) < 0)
		return false;
	plane->listeners[index].owner = to->index;
	(void)listener_arm(plane, index, from->index, DISARMED); /* else listener_event does it */
	return true;
}

/* ---- accepting, pausing, resuming ---- */

bool plane_at_limit(csp_plane *plane)
{
	return atomic_load(&plane->sessions) >= atomic_load(&plane->max_sessions) ||
	       atomic_load(&plane->descriptors) + 2 > plane->options.max_descriptors;
}

void descriptors_give_back(csp_loop *loop, uint32_t count)
{
	atomic_fetch_sub(&loop->plane->descriptors, count);
	if (atomic_load(&loop->plane->paused_listeners) > 0)
		loop->retry_accept_at_ns = loop->now_ns;
}

/* Pipes at rest are a convenience, clients come first: ours go at once, the other loops drop theirs when
 * woken. */
static bool free_resting_pipes(csp_loop *loop)
{
	bool had_some = loop->free_pipe_count > 0;

	pipe_pool_destroy(loop);
	return had_some;
}

void listener_pause(csp_loop *loop, uint32_t index, int error)
{
	struct listener *listener = &loop->plane->listeners[index];

	listener->is_paused = true;
	(void)listener_arm(loop->plane, index, listener->owner, DISARMED); /* as in pass_role */
	atomic_fetch_add(&loop->plane->paused_listeners, 1);
	loop->retry_accept_at_ns = loop->now_ns + ACCEPT_RETRY_NS;
	for (uint32_t i = 0; i < loop->plane->options.loops; i++)
		if (i != loop->index)
			(void)csp_loop_wake(loop->plane->loops[i]); /* else its pipes rest on */
	tell(loop, CSP_EVENT_ACCEPT_PAUSED, index, error);
}

static void count_accept_error(csp_loop *loop, uint32_t error)
{
	uint32_t place = error < CSP_ERRORS_MAX ? error : CSP_ERRORS_MAX - 1;

	counter_add(&loop->counters.accept_errors, 1);
	counter_add(&loop->counters.accept_errors_by_number[place], 1);
}

/* accept(2) also reports what already happened to the new connection; the next one may be fine. */
static bool concerns_one_connection(int error)
{
	switch (error) {
	case ECONNABORTED:
	case EPERM: /* a firewall's word */
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* One connection: 1 accepted, 0 none waits, or a negative errno. */
static int accept_one(csp_loop *loop, const struct listener *listener, uint32_t index)
{
	struct sockaddr_storage client;
	socklen_t length = sizeof client;
	struct csp_address address;
	int fd = SYS_RETRY(int,
	        accept4(listener->fd, (struct sockaddr *)&client, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
	struct session *session;
	bool is_named;

	if (fd == -EAGAIN)
		return 0;
	if (fd < 0)
		return fd;
	/* From a listener on a loopback address it has been inherited. */
	is_named = listener->is_tcp && address_from_system(&client, &address) == 0;
	if (is_named && (!listener->is_loopback || listener->older > 0) && address_is_loopback(&address))
		(void)tcp_set_loopback_congestion(fd, &loop->plane->options);
	if (listener->is_tcp && listener->older > 0) {
		tcp_set_options(fd);
		tcp_set_patience(fd, loop->plane);
	}
	session = session_accept(loop, fd, listener->is_tcp);
	if (session == NULL)
		return -ENOMEM;
	names_of_client(loop, session, is_named ? &address : NULL);
	counter_add(&loop->counters.accepted, 1);

	struct csp_event event = {.session = session_number(session),
	        .kind = CSP_EVENT_ACCEPTED,
	        .listener = index,
	        .endpoint = CSP_ENDPOINT_NONE};

	(void)loop_push_event(loop, &event); /* ACCEPT_BATCH of them fit: loop_turn makes sure */
	return 1;
}

/*
 * To learn that nobody else waits takes a call that fails, for each client where they come one by one. So a
 * wake-up looks for no more than came at once before; where all of them were there, the next one looks for
 * twice as many. The listener is level triggered: who still waits is told of again.
 */
static void accept_batch(csp_loop *loop, struct listener *listener, uint32_t index)
{
	uint32_t burst = listener->burst;

	listener->burst = burst * 2 < ACCEPT_BATCH ? burst * 2 : ACCEPT_BATCH;
	for (uint32_t count = 0; count < burst; count++) {
		csp_loop *target = least_busy(loop->plane, loop);
		int result;

		if (target != loop && pass_role(loop->plane, index, loop, target))
			return;
		if (plane_at_limit(loop->plane) &&
		        !(free_resting_pipes(loop) && !plane_at_limit(loop->plane))) {
			listener_pause(loop, index, 0);
			return;
		}
		result = accept_one(loop, listener, index);
		if (result == 0) {
			listener->older = 0;
			listener->burst = count > 0 ? count : 1;
			return;
		}
		if (result > 0) {
			listener->older -= listener->older > 0;
			listener->failures = 0;
			continue;
		}
		count_accept_error(loop, (uint32_t)-result);
		if (concerns_one_connection(-result) && ++listener->failures < FAILURES_MAX)
			continue;
		if (free_resting_pipes(loop))
			continue;
		/* A shortage, one and the same word for every connection (a sandbox's), or an error that no
		 * manual page promises: none of them must make us spin. */
		listener->failures = 0;
		listener_pause(loop, index, -result);
		return;
	}
}

void listener_event(csp_loop *loop, uint32_t index, uint32_t events)
{
	struct listener *listener = &loop->plane->listeners[index];

	pthread_mutex_lock(&listener->lock);
	if (listener->fd >= 0 && listener->owner == loop->index && !listener->is_paused)
		accept_batch(loop, listener, index);
	else if (listener->fd >= 0 && events & EPOLLIN) /* of a disarmed one there are only hang-ups */
		(void)listener_arm(loop->plane, index, loop->index, DISARMED); /* it could not be before */
	pthread_mutex_unlock(&listener->lock);
}

bool listener_resume(csp_plane *plane, uint32_t index)
{
	struct listener *listener = &plane->listeners[index];
	bool was_paused;

	pthread_mutex_lock(&listener->lock);
	was_paused = listener->fd >= 0 && listener->is_paused &&
	             listener_arm(plane, index, listener->owner, EPOLLIN) == 0;
	if (was_paused) {
		listener->is_paused = false;
		atomic_fetch_sub(&plane->paused_listeners, 1);
	}
	pthread_mutex_unlock(&listener->lock);
	return was_paused;
}

void listeners_resume(csp_loop *loop)
{
	if (plane_at_limit(loop->plane))
		return;
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++)
		if (listener_resume(loop->plane, i))
			tell(loop, CSP_EVENT_ACCEPT_RESUMED, i, 0);
	if (atomic_load(&loop->plane->paused_listeners) > 0) /* one could not be armed */
		loop->retry_accept_at_ns = loop->now_ns + ACCEPT_RETRY_NS;
}
