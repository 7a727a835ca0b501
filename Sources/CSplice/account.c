#include "account.h"
#include "sys.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <netinet/in.h>

/*
 * The arithmetic, checked against the kernel by tests (AccountTests) and by killing (StoreTests):
 *
 *   consumed = bytes_received - bytes in the receive queue - (1 if the peer's FIN has come)
 *   written  = bytes_acked + bytes in the send queue - (1 if we opened: our SYN) - (1 if our FIN is sent)
 *
 * SIOCINQ does not count a FIN in the queue, bytes_received does; SIOCOUTQ and bytes_acked count our own.
 */

/* The states of tcp(7)'s tcpi_state; linux/tcp.h does not name them. */
enum state {
	STATE_ESTABLISHED = 1,
	STATE_FIN_WAIT1 = 4,
	STATE_FIN_WAIT2 = 5,
	STATE_TIME_WAIT = 6,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_CLOSING = 11,
};

/* The kernel tells of ages in its ticks, of 1 to 10 ms: twice as much as the calls may take, and some. */
#define QUIET_MS 40
/* How often a peer that never rests is looked at before we give up. */
#define LOOKS 1000

struct look {
	struct tcp_info info;
	int receive_queue;
	int send_queue;
};

static int read_info(int fd, struct tcp_info *info)
{
	socklen_t length = sizeof *info;

	*info = (struct tcp_info){0};
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) == -1)
		return -errno;
	return length > offsetof(struct tcp_info, tcpi_notsent_bytes) ? 0 : -EOPNOTSUPP;
}

static bool is_same(const struct tcp_info *one, const struct tcp_info *other)
{
	return one->tcpi_state == other->tcpi_state && one->tcpi_bytes_acked == other->tcpi_bytes_acked &&
	       one->tcpi_bytes_received == other->tcpi_bytes_received;
}

/* Whether nothing has come since this instant, neither bytes nor acknowledgements, and all that was written
 * is acknowledged. */
static bool is_quiet(const struct tcp_info *info, uint64_t since_ns)
{
	bool is_open = info->tcpi_state == STATE_ESTABLISHED || info->tcpi_state == STATE_FIN_WAIT1 ||
	               info->tcpi_state == STATE_FIN_WAIT2 || info->tcpi_state == STATE_CLOSE_WAIT;

	return is_open && info->tcpi_unacked == 0 && info->tcpi_notsent_bytes == 0 &&
	       info->tcpi_last_data_recv >= QUIET_MS && info->tcpi_last_ack_recv >= QUIET_MS &&
	       sys_now_ns() - since_ns < QUIET_MS * UINT64_C(1000000) / 2;
}

/*
 * Calls that belong to one moment. Of a quiet connection two are enough, and most are: nothing has come
 * between them, and there is nothing to be sent. Else there is one more account behind the others, which says
 * that nothing has changed.
 */
static int look_at(int fd, struct look *look)
{
	struct tcp_info after;
	uint64_t began_ns = sys_now_ns();
	int error;

	if (ioctl(fd, SIOCINQ, &look->receive_queue) == -1)
		return -errno;
	if ((error = read_info(fd, &look->info)) < 0)
		return error;
	look->send_queue = 0;
	if (is_quiet(&look->info, began_ns))
		return 0;
	for (int count = 0; count < LOOKS; count++) {
		if (ioctl(fd, SIOCINQ, &look->receive_queue) == -1 ||
		        ioctl(fd, SIOCOUTQ, &look->send_queue) == -1)
			return -errno;
		if ((error = read_info(fd, &after)) < 0)
			return error;
		if (is_same(&look->info, &after))
			return 0;
		look->info = after;
	}
	return -EAGAIN;
}

int account_read(int fd, bool opened, struct account *account)
{
	struct look look;
	bool fin_received;
	int error = look_at(fd, &look);

	if (error < 0)
		return error;
	switch (look.info.tcpi_state) {
	case STATE_ESTABLISHED:
		fin_received = false;
		account->fin_sent = false;
		break;
	case STATE_FIN_WAIT1:
	case STATE_FIN_WAIT2:
		fin_received = false;
		account->fin_sent = true;
		break;
	case STATE_CLOSE_WAIT:
		fin_received = true;
		account->fin_sent = false;
		break;
	case STATE_LAST_ACK:
	case STATE_CLOSING:
	case STATE_TIME_WAIT:
	case STATE_CLOSE: /* after a reset the figures do not agree, or an error waits: see below */
		fin_received = true;
		account->fin_sent = true;
		break;
	default:
		return -ECONNRESET; /* not a connection that was ever joined */
	}
	account->is_closed = look.info.tcpi_state == STATE_CLOSE || look.info.tcpi_state == STATE_TIME_WAIT;
	/* Closed with bytes of ours, or our FIN, never acknowledged: that was no end but a reset. */
	if (account->is_closed && (look.send_queue != 0 || sys_get_int(fd, SOL_SOCKET, SO_ERROR) != 0))
		return -ECONNRESET;
	account->consumed = look.info.tcpi_bytes_received - (uint64_t)look.receive_queue - fin_received;
	account->written =
	        look.info.tcpi_bytes_acked + (uint64_t)look.send_queue - opened - account->fin_sent;
	return 0;
}
