#include "internal.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* How many connections one wake-up accepts before the loop looks at its sessions again. */
#define ACCEPT_BATCH 16
/* A loop may have this share more sessions than the one with the fewest before it passes the accept role on.
 */
#define UNEVEN_SHARE 8
/*
 * A loop that shall not look at a listener. Hang-ups are reported whatever was asked for, and who gave us the
 * listener can shut it down: edge triggered they are told once; level triggered the loop would never sleep
 * again.
 */
#define DISARMED EPOLLET
/* How long accepting rests when descriptors or memory ran out and no session of ours ends meanwhile. */
#define ACCEPT_RETRY_NS 100000000u
/* So many connections may fail one after the other before it is the listener that does. */
#define FAILURES_MAX 16

static uint64_t listener_tag(uint32_t listener)
{
	return tag_make(TAG_LISTENER, listener, 0);
}

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

	for (uint32_t i = 0; i < plane->options.loops; i++) {
		csp_loop *loop = plane->loops[i];

		if (counter_get(&loop->counters.sessions) < counter_get(&best->counters.sessions))
			best = loop;
	}
	return own - counter_get(&best->counters.sessions) > own / UNEVEN_SHARE ? best : self;
}

/* Where a change is refused it is registered anew; what is not registered at all is as good as disarmed. */
static int arm(csp_plane *plane, uint32_t index, uint32_t loop, uint32_t events)
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
	if (arm(plane, index, to->index, EPOLLIN) < 0)
		return false;
	plane->listeners[index].owner = to->index;
	(void)arm(plane, index, from->index, DISARMED); /* else listener_event does it */
	return true;
}

/* ---- accepting, pausing, resuming ---- */

static bool at_limit(csp_plane *plane)
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

static void pause_listener(csp_loop *loop, uint32_t index, int error)
{
	struct listener *listener = &loop->plane->listeners[index];

	listener->is_paused = true;
	(void)arm(loop->plane, index, listener->owner, DISARMED); /* as in pass_role */
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
	if (is_named && !listener->is_loopback && address_is_loopback(&address))
		(void)tcp_set_loopback_congestion(fd, &loop->plane->options);
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
		if (at_limit(loop->plane) && !(free_resting_pipes(loop) && !at_limit(loop->plane))) {
			pause_listener(loop, index, 0);
			return;
		}
		result = accept_one(loop, listener, index);
		if (result == 0) {
			listener->burst = count > 0 ? count : 1;
			return;
		}
		if (result > 0) {
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
		pause_listener(loop, index, -result);
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
		(void)arm(loop->plane, index, loop->index, DISARMED); /* it could not be before */
	pthread_mutex_unlock(&listener->lock);
}

/* Whether it was paused, and is not any more. */
static bool resume_listener(csp_plane *plane, uint32_t index)
{
	struct listener *listener = &plane->listeners[index];
	bool was_paused;

	pthread_mutex_lock(&listener->lock);
	was_paused =
	        listener->fd >= 0 && listener->is_paused && arm(plane, index, listener->owner, EPOLLIN) == 0;
	if (was_paused) {
		listener->is_paused = false;
		atomic_fetch_sub(&plane->paused_listeners, 1);
	}
	pthread_mutex_unlock(&listener->lock);
	return was_paused;
}

void listeners_resume(csp_loop *loop)
{
	if (at_limit(loop->plane))
		return;
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++)
		if (resume_listener(loop->plane, i))
			tell(loop, CSP_EVENT_ACCEPT_RESUMED, i, 0);
	if (atomic_load(&loop->plane->paused_listeners) > 0) /* one could not be armed */
		loop->retry_accept_at_ns = loop->now_ns + ACCEPT_RETRY_NS;
}

/* ---- opening and closing ---- */

static int register_listener(csp_plane *plane, uint32_t index)
{
	struct listener *listener = &plane->listeners[index];

	for (uint32_t i = 0; i < plane->options.loops; i++) {
		int result = sys_epoll_ctl(
		        plane->loops[i]->epoll, EPOLL_CTL_ADD, listener->fd, DISARMED, listener_tag(index));

		if (result < 0)
			return result;
	}
	listener->owner = 0;
	return arm(plane, index, 0, EPOLLIN);
}

void listeners_leave(csp_plane *plane)
{
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++)
		for (uint32_t j = 0; plane->listeners[i].fd >= 0 && j < plane->options.loops; j++)
			(void)sys_epoll_ctl(plane->loops[j]->epoll, EPOLL_CTL_DEL, plane->listeners[i].fd, 0,
			        0); /* a registered descriptor: cannot fail */
}

void listeners_return(csp_plane *plane)
{
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++) {
		const struct listener *listener = &plane->listeners[i];
		int error;

		if (listener->fd < 0 || listener->is_paused)
			continue;
		error = arm(plane, i, listener->owner, EPOLLIN);
		if (error < 0)
			pause_listener(plane->loops[listener->owner], i, -error);
	}
}

static bool is_on_loopback(int fd)
{
	struct sockaddr_storage system;
	socklen_t length = sizeof system;
	struct csp_address address;

	return getsockname(fd, (struct sockaddr *)&system, &length) == 0 &&
	       address_from_system(&system, &address) == 0 && address_is_loopback(&address);
}

/* Takes fd over on success. unix_path is NULL unless the socket file is ours to remove. */
static int add_listener(csp_plane *plane, int fd, const char *unix_path)
{
	int domain = sys_get_int(fd, SOL_SOCKET, SO_DOMAIN);

	if (domain < 0)
		return domain;
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++) {
		struct listener *listener = &plane->listeners[i];
		int result;

		pthread_mutex_lock(&listener->lock);
		if (listener->fd >= 0) {
			pthread_mutex_unlock(&listener->lock);
			continue;
		}
		listener->fd = fd;
		listener->is_paused = false;
		listener->burst = 1;
		listener->failures = 0;
		listener->is_loopback = is_on_loopback(fd);
		listener->is_tcp = domain != AF_UNIX;
		listener->owns_path = unix_path != NULL;
		if (unix_path != NULL)
			memcpy(listener->path, unix_path, strlen(unix_path) + 1);
		result = register_listener(plane, i);
		if (result < 0)
			listener->fd =
			        -1; /* the caller closes it, which also takes it out of every epoll set */
		pthread_mutex_unlock(&listener->lock);
		return result < 0 ? result : (int)i;
	}
	return -ENOSPC;
}

/* What accepted sockets then have without a call of their own. */
static void set_inherited_options(int fd, const struct csp_address *address, const csp_plane *plane)
{
	tcp_set_options(fd);
	tcp_set_patience(fd, plane);
	if (address_is_loopback(address))
		(void)tcp_set_loopback_congestion(fd, &plane->options);
	hops_ask_for(fd);
}

int csp_plane_listen(csp_plane *plane, const struct csp_address *address)
{
	struct sockaddr_storage system;
	socklen_t length = address_to_system(address, &system);
	int fd = SYS_RETRY(int, socket(system.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	int result;

	if (fd < 0)
		return fd;
	/* Lets a successor bind while old connections are in TIME_WAIT; a second listener is refused all the
	 * same. */
	(void)sys_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (address->family == CSP_FAMILY_IPV6)
		(void)sys_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY,
		        1); /* [::] and 0.0.0.0 can be listened on side by side */
	set_inherited_options(fd, address, plane);
	if (bind(fd, (struct sockaddr *)&system, length) == -1 ||
	        listen(fd, (int)plane->options.backlog) == -1)
		result = -errno;
	else
		result = add_listener(plane, fd, NULL);
	if (result < 0)
		sys_close(fd);
	return result;
}

/* Whether the socket file is a left-over: a socket, and nobody answers. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat status;
	int fd;
	bool refused;

	if (lstat(address->sun_path, &status) == -1 || !S_ISSOCK(status.st_mode))
		return false;
	fd = SYS_RETRY(int, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return false;
	refused =
	        connect(fd, (const struct sockaddr *)address, sizeof *address) == -1 && errno == ECONNREFUSED;
	sys_close(fd);
	return refused;
}

static int bind_unix(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (!is_stale(address))
		return -EADDRINUSE;
	if (unlink(address->sun_path) == -1)
		return -errno;
	return bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : -errno;
}

int csp_plane_listen_unix(csp_plane *plane, const char *path, mode_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	int fd;
	int result;

	if (length == 0)
		return -EINVAL;
	if (length >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	fd = SYS_RETRY(int, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return fd;
	result = bind_unix(fd, &address);
	if (result < 0)
		goto close_socket;
	/* Before listen(2): until then nobody can connect, whatever the umask made of the file. */
	if (chmod(path, mode) == -1 || listen(fd, (int)plane->options.backlog) == -1) {
		result = -errno;
		goto remove_file;
	}
	result = add_listener(plane, fd, path);
	if (result >= 0)
		return result;

remove_file:
	(void)unlink(path); /* ours, made a moment ago */
close_socket:
	sys_close(fd);
	return result;
}

int csp_plane_adopt_listener(csp_plane *plane, int fd)
{
	struct sockaddr_storage system;
	socklen_t length = sizeof system;
	struct csp_address address;
	int flags;

	if (sys_get_int(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1 ||
	        sys_get_int(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM)
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	        fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return -errno;
	if (getsockname(fd, (struct sockaddr *)&system, &length) == -1)
		return -errno;
	if (address_from_system(&system, &address) == 0) /* else it is a unix socket */
		set_inherited_options(fd, &address, plane);
	return add_listener(plane, fd, NULL);
}

int csp_plane_unlisten(csp_plane *plane, uint32_t index)
{
	struct listener *listener;

	if (index >= CSP_LISTENERS_MAX)
		return -ENOENT;
	listener = &plane->listeners[index];
	pthread_mutex_lock(&listener->lock);
	if (listener->fd < 0) {
		pthread_mutex_unlock(&listener->lock);
		return -ENOENT;
	}
	for (uint32_t i = 0; i < plane->options.loops; i++)
		if (sys_epoll_ctl(plane->loops[i]->epoll, EPOLL_CTL_DEL, listener->fd, 0, 0) < 0)
			(void)arm(plane, index, i, DISARMED); /* whoever else has it would wake us */
	if (listener->owns_path)
		(void)unlink(listener->path); /* somebody may have removed it already */
	sys_close(listener->fd);
	listener->fd = -1;
	if (listener->is_paused)
		atomic_fetch_sub(&plane->paused_listeners, 1);
	listener->is_paused = false;
	pthread_mutex_unlock(&listener->lock);
	return 0;
}

void listeners_changed(csp_plane *plane)
{
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++) {
		struct listener *listener = &plane->listeners[i];

		pthread_mutex_lock(&listener->lock);
		if (listener->fd >= 0 && listener->is_tcp)
			tcp_set_patience(listener->fd, plane);
		pthread_mutex_unlock(&listener->lock);
		if (!at_limit(plane))
			(void)resume_listener(plane, i); /* the loop that is armed hears of who waits */
	}
}

int csp_plane_listener_address(csp_plane *plane, uint32_t index, struct csp_address *address)
{
	struct sockaddr_storage system;
	socklen_t length = sizeof system;
	int result = -ENOENT;

	if (index >= CSP_LISTENERS_MAX)
		return -ENOENT;
	pthread_mutex_lock(&plane->listeners[index].lock);
	if (plane->listeners[index].fd >= 0)
		result = getsockname(plane->listeners[index].fd, (struct sockaddr *)&system, &length) == 0
		                 ? address_from_system(&system, address)
		                 : -errno;
	pthread_mutex_unlock(&plane->listeners[index].lock);
	return result;
}

int csp_plane_listener_descriptor(csp_plane *plane, uint32_t index)
{
	int fd;

	if (index >= CSP_LISTENERS_MAX)
		return -ENOENT;
	pthread_mutex_lock(&plane->listeners[index].lock);
	fd = plane->listeners[index].fd;
	pthread_mutex_unlock(&plane->listeners[index].lock);
	return fd < 0 ? -ENOENT : fd;
}
