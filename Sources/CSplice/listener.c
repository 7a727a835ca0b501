#include "listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>

/* Opening listeners, taking over those of others, and closing them. */

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
	return listener_arm(plane, index, 0, EPOLLIN);
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
		error = listener_arm(plane, i, listener->owner, EPOLLIN);
		if (error < 0)
			listener_pause(plane->loops[listener->owner], i, -error);
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

/*
 * Takes fd over on success. unix_path is NULL unless the socket file is ours to remove. older: so many
 * clients may wait there that came before it had our options.
 */
static int add_listener(csp_plane *plane, int fd, const char *unix_path, uint32_t older)
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
		listener->older = older;
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
		result = add_listener(plane, fd, NULL, 0);
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
	result = add_listener(plane, fd, path, 0);
	if (result >= 0)
		return result;

remove_file:
	(void)unlink(path); /* ours, made a moment ago */
close_socket:
	sys_close(fd);
	return result;
}

/* How many have connected and are not accepted yet (tcp(7), TCP_INFO, of a listener); unknown: any number. */
static uint32_t waiting_clients(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1 ? UINT32_MAX : info.tcpi_unacked;
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
	return add_listener(plane, fd, NULL, waiting_clients(fd));
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
			(void)listener_arm(plane, index, i, DISARMED); /* whoever else has it would wake us */
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
		if (!plane_at_limit(plane))
			(void)listener_resume(plane, i); /* the loop that is armed hears of who waits */
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
