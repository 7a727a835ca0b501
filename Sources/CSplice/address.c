#include "internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

socklen_t address_to_system(const struct csp_address *address, struct sockaddr_storage *system)
{
	memset(system, 0, sizeof *system);
	if (address->family == CSP_FAMILY_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)system;

		in->sin_family = AF_INET;
		in->sin_port = htons(address->port);
		memcpy(&in->sin_addr, address->ip, 4);
		return sizeof *in;
	}

	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)system;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(address->port);
	memcpy(&in6->sin6_addr, address->ip, 16);
	return sizeof *in6;
}

int address_from_system(const struct sockaddr_storage *system, struct csp_address *address)
{
	memset(address, 0, sizeof *address);
	if (system->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)system;

		address->family = CSP_FAMILY_IPV4;
		address->port = ntohs(in->sin_port);
		memcpy(address->ip, &in->sin_addr, 4);
		return 0;
	}
	if (system->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)system;

		address->family = CSP_FAMILY_IPV6;
		address->port = ntohs(in6->sin6_port);
		memcpy(address->ip, &in6->sin6_addr, 16);
		return 0;
	}
	return -EAFNOSUPPORT;
}

/*
 * All best effort: a kernel or a sandbox that refuses one of them (EPERM, ENOPROTOOPT) leaves a connection
 * that works, only less well. TCP_KEEPCNT is not set: with TCP_USER_TIMEOUT the kernel does not look at it
 * (tcp(7)). SO_OOBINLINE keeps the urgent byte in the stream, where a relay can pass it on in order.
 */
void tcp_set_options(int fd)
{
	(void)sys_set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	(void)sys_set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

void tcp_set_patience(int fd, const csp_plane *plane)
{
	int keepalive_s = (int)atomic_load_explicit(&plane->keepalive_s, memory_order_relaxed);
	int user_timeout_ms = (int)atomic_load_explicit(&plane->user_timeout_ms, memory_order_relaxed);

	(void)sys_set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)sys_set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s);
	(void)sys_set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_s);
	(void)sys_set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms); /* 0: the system's */
}

bool address_is_loopback(const struct csp_address *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 */

	if (address->family == CSP_FAMILY_IPV4)
		return address->ip[0] == 127;
	if (memcmp(address->ip, mapped, sizeof mapped) == 0)
		return address->ip[12] == 127;
	return memcmp(address->ip, &in6addr_loopback, sizeof address->ip) == 0;
}

/*
 * Some congestion controls pace even where no network is, bbr for one
 * (docs/decisions/0015-reno-on-loopback.md). A name that the kernel does not know or does not allow leaves
 * what the machine has chosen.
 */
int tcp_set_loopback_congestion(int fd, const struct csp_options *options)
{
	const char *name = options->loopback_congestion;

	if (name[0] == 0)
		return 0;
	return SYS_RETRY(int, setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)));
}

/*
 * A connect to no address dissolves the association (connect(2)), which TCP does with a reset, at once,
 * whoever else has a duplicate. Where that fails the last close does it, so that nobody takes the end for an
 * end of stream.
 */
void tcp_reset(int fd)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	const struct linger linger = {.l_onoff = 1};

	if (connect(fd, &nowhere, sizeof nowhere) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger); /* the last means */
}

void cut_off(int fd, bool is_tcp)
{
	if (is_tcp)
		tcp_reset(fd);
	else
		(void)shutdown(fd, SHUT_RDWR); /* ENOTCONN: its peer has gone */
}
