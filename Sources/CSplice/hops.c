#include "internal.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

/*
 * Two gateways that point at each other would pass one client's connection back and forth until a limit is
 * hit. IP has a field against that, and we honour it as a router does: a dial carries one hop less than the
 * connection for which it is made, and a connection with too few left is refused
 * (docs/decisions/0014-hops.md).
 */

/* What a connection has that does not say: a unix socket, or a kernel that kept no SYN. Linux'
 * net.ipv4.ip_default_ttl. */
#define HOPS_DEFAULT 64

/* Hops that the client's SYN had left, less the one that we are. */
uint8_t hops_left(const struct leg *client)
{
	union {
		struct iphdr v4;
		struct ip6_hdr v6;
		unsigned char bytes[256];
	} syn;
	socklen_t length = sizeof syn;

	uint8_t hops = HOPS_DEFAULT;

	if (client->is_tcp && getsockopt(client->fd, IPPROTO_TCP, TCP_SAVED_SYN, &syn, &length) == 0) {
		if (length >= sizeof syn.v4 && syn.v4.version == 4)
			hops = syn.v4.ttl;
		else if (length >= sizeof syn.v6 && syn.v4.version == 6)
			hops = syn.v6.ip6_hops;
	}
	return hops > 1 ? (uint8_t)(hops - 1) : 1;
}

/* Lets listener's connections tell. Best effort: without it two gateways can loop up to their limits. */
void hops_ask_for(int listener)
{
	(void)sys_set_int(listener, IPPROTO_TCP, TCP_SAVE_SYN, 1);
}

/* Before connect(2). Best effort, as above. */
void hops_pass_on(int fd, enum csp_family family, int hops)
{
	if (family == CSP_FAMILY_IPV4)
		(void)sys_set_int(fd, IPPROTO_IP, IP_TTL, hops);
	else
		(void)sys_set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops);
}
