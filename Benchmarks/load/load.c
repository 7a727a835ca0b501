/* clang-format off: what follows is a table
 *
 * The load of the benchmarks: a sink and a generator that check every byte count.
 *
 *   load serve PORT                                   the sink on 127.0.0.1, until it is killed
 *   load bulk WHERE up|down|both CONNECTIONS MIB      each connection moves so many, one way or both ways at once
 *   load rpc WHERE CONNECTIONS ASK ANSWER MS          request and answer in bytes, one at a time a connection
 *   load churn WHERE CONNECTIONS MS                   connect, one request, one answer, close; so many at a time
 *   load churns WHERE CONNECTIONS COUNT               the same until so many are done
 *   load idle WHERE CONNECTIONS                       opens them, says "open", keeps them until it is killed
 *   load etcd-range WHERE CONNECTIONS MS              etcd.c: one key read, again and again
 *   load etcd-watch WHERE WATCHERS MS                 etcd.c: one writer; a request is one event at one watcher
 *   load scrape WHERE RATE MS                         scrape.c: so many looks a second at a gateway's metrics
 *   load bare WHERE PORT                              bare.c: a proxy that does the least, on 127.0.0.1, until it is killed
 *   load start WHERE TIMES PROGRAM ARGUMENT...        start.c: from exec to the first connection, so many times
 *   load mute WHERE CONNECTIONS                       hostile.c: says nothing, until SIGTERM
 *   load slow WHERE CONNECTIONS                       hostile.c: asks for 256 KiB and takes 64 bytes a second
 *   load scan WHERE COUNT                             hostile.c: connects and resets, one after the other
 *   load half WHERE CONNECTIONS                       hostile.c: handshakes that nobody finishes, so many at once
 *   load polite WHERE CONNECTIONS PAUSE_MS MS         hostile.c: 256 B asked, 1 KiB answered, again after a pause
 *   load keep WHERE CONNECTIONS SEED                  keep.c: sessions with etcd, every byte compared, until SIGTERM
 *
 * LOAD_SETTLE_MS in the environment: bulk and rpc let their connections grow so old before they count; 0 without it.
 *
 * WHERE is ADDRESS:PORT, IPv4. MS is how long it lasts. The generator prints one JSON object. A connection to the sink
 * starts with a hello of 16 bytes: what the sink is to do.
 */
/* clang-format on */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define BATCH 256

struct connection {
	int fd;
	bool is_open; /* generator: the connect was answered */
	struct hello hello;
	uint32_t hello_done;
	uint64_t to_read, to_write; /* of this request or of the whole bulk */
	uint64_t started_ns;
	bool wrote_end;
	bool is_warm; /* generator: its first answer has come */
};

static char buffer[CHUNK];

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

_Noreturn void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

_Noreturn void fail(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == 0 || *end != 0 || value > 1000000000)
		fail("a number is wrong");
	return (uint32_t)value;
}

static struct sockaddr_in place(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const char *colon = strchr(text, ':');
	char ip[INET_ADDRSTRLEN] = {0};

	if (colon == NULL || (size_t)(colon - text) >= sizeof ip)
		fail("write ADDRESS:PORT");
	memcpy(ip, text, (size_t)(colon - text));
	if (inet_pton(AF_INET, ip, &address.sin_addr) != 1)
		fail("the address is wrong");
	address.sin_port = htons((uint16_t)number(colon + 1));
	return address;
}

static void watch(int epoll, struct connection *c, uint32_t events, int operation)
{
	struct epoll_event event = {.events = events, .data.ptr = c};

	if (epoll_ctl(epoll, operation, c->fd, &event) == -1)
		die("epoll_ctl");
}

/* ---- moving bytes: both sides do the same; 1 goes on, 0 all moved, -1 the peer closed ---- */

static int pump_out(struct connection *c)
{
	while (c->to_write > 0) {
		ssize_t n = send(c->fd, buffer, c->to_write < CHUNK ? c->to_write : CHUNK, MSG_NOSIGNAL);

		if (n == -1 && errno == EAGAIN)
			return 1;
		if (n == -1)
			return -1;
		c->to_write -= (uint64_t)n;
	}
	return 0;
}

static int pump_in(struct connection *c)
{
	static char in[CHUNK];

	while (c->to_read > 0) {
		ssize_t n = recv(c->fd, in, c->to_read < CHUNK ? c->to_read : CHUNK, 0);

		if (n == -1 && errno == EAGAIN)
			return 1;
		if (n <= 0)
			return -1;
		c->to_read -= (uint64_t)n;
		if ((size_t)n < CHUNK && c->to_read > 0)
			return 1; /* the socket is empty; readiness tells when not */
	}
	return 0;
}

/* ---- the sink ---- */

static void sink_close(struct connection *c)
{
	close(c->fd);
	free(c);
}

static void sink_ready(struct connection *c)
{
	while (c->hello_done < sizeof c->hello) {
		ssize_t n =
		        recv(c->fd, (char *)&c->hello + c->hello_done, sizeof c->hello - c->hello_done, 0);

		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			sink_close(c);
			return;
		}
		c->hello_done += (uint32_t)n;
		if (c->hello_done == sizeof c->hello) {
			bool bulk = c->hello.what == WHAT_BULK;

			c->to_read = bulk ? (uint64_t)c->hello.ask << 20 : c->hello.ask;
			c->to_write = bulk ? (uint64_t)c->hello.answer << 20 : 0;
		}
	}
	if (c->hello.what == WHAT_BULK) {
		int in = pump_in(c), out = pump_out(c);

		if (in == 0 && out == 0 && !c->wrote_end) {
			shutdown(c->fd, SHUT_WR); /* all read, all written: the client's proof */
			c->wrote_end = true;
		}
		if (in < 0 || out < 0 || (c->wrote_end && recv(c->fd, buffer, 1, MSG_PEEK) == 0))
			sink_close(c);
		return;
	}
	for (;;) {
		int moved;

		if (c->to_write == 0) {
			moved = pump_in(c);
			if (moved < 0) {
				sink_close(c);
				return;
			}
			if (moved > 0)
				return;
			c->to_write = c->hello.answer;
		}
		moved = pump_out(c);
		if (moved < 0) {
			sink_close(c);
			return;
		}
		if (moved > 0)
			return;
		c->to_read = c->hello.ask;
	}
}

static int serve(uint32_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_port = htons((uint16_t)port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event events[BATCH];
	struct connection listener = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
	int epoll = epoll_create1(0), one = 1;

	setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(listener.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(listener.fd, (struct sockaddr *)&address, sizeof address) == -1 ||
	        listen(listener.fd, 4096) == -1)
		die("listen");
	watch(epoll, &listener, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		int count = epoll_wait(epoll, events, BATCH, -1);

		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;
			int fd;

			if (c != &listener) {
				sink_ready(c);
				continue;
			}
			while ((fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				c = calloc(1, sizeof *c);
				if (c == NULL)
					die("calloc");
				c->fd = fd;
				watch(epoll, c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EPOLL_CTL_ADD);
			}
		}
	}
}

/* ---- the generator ---- */

static struct {
	struct sockaddr_in where;
	int epoll;
	uint64_t deadline_ns;
	uint64_t done; /* requests answered, or bulk connections finished */
	uint32_t active;
	bool reconnects; /* churn */
	uint64_t limit;  /* churns: so many requests; 0: until the deadline */
	uint32_t cold;   /* rpc: connections whose first answer has not come */
	bool is_warming; /* rpc: answers do not count yet */
	uint64_t warmed; /* rpc: answers until then */
	uint64_t settled_ns;
	uint64_t began_ns;
	uint64_t *samples_ns;
	size_t samples, capacity;
} run;

void sample(uint64_t ns)
{
	if (run.samples == run.capacity) {
		run.capacity = run.capacity == 0 ? 1 << 16 : run.capacity * 2;
		run.samples_ns = realloc(run.samples_ns, run.capacity * sizeof *run.samples_ns);
		if (run.samples_ns == NULL)
			die("realloc");
	}
	run.samples_ns[run.samples++] = ns;
}

static void dial(struct connection *c)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->started_ns = now_ns();
	if (connect(c->fd, (struct sockaddr *)&run.where, sizeof run.where) == -1 && errno != EINPROGRESS)
		die("connect");
	c->is_open = false;
	c->hello_done = 0;
	watch(run.epoll, c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EPOLL_CTL_ADD);
}

/* The hello and the first request travel together, as a client would send them. */
static void start(struct connection *c)
{
	bool bulk = c->hello.what == WHAT_BULK;

	if (send(c->fd, &c->hello, sizeof c->hello, MSG_NOSIGNAL | (bulk ? 0 : MSG_MORE)) != sizeof c->hello)
		die("send");
	c->is_open = true;
	c->to_write = bulk ? (uint64_t)c->hello.ask << 20 : c->hello.ask;
	c->to_read = bulk ? (uint64_t)c->hello.answer << 20 : c->hello.answer;
}

static void bulk_ready(struct connection *c)
{
	int out = pump_out(c), in = pump_in(c);
	char extra;
	ssize_t end;

	if (in < 0 || out < 0)
		fail("a bulk connection was cut short");
	if (in != 0 || out != 0)
		return;
	end = recv(c->fd, &extra, 1, 0);
	if (end == -1 && errno == EAGAIN)
		return;
	if (end != 0)
		fail("bytes behind the end, or a reset");
	close(c->fd);
	run.done++;
	run.active--;
}

/*
 * Connecting is not what is measured here: when each connection has had its first answer and all are as old
 * as they shall be, counting begins anew, and whoever reads the proxy's CPU time is told.
 */
static void warm_up(struct connection *c, uint64_t now)
{
	run.cold -= !c->is_warm;
	c->is_warm = true;
	if (run.cold > 0 || now < run.settled_ns)
		return;
	run.is_warming = false;
	run.deadline_ns += now - run.began_ns;
	run.began_ns = now;
	run.warmed = run.done;
	run.done = 0;
	run.samples = 0;
	fprintf(stderr, "warm\n");
}

static void answered(struct connection *c)
{
	uint64_t now = now_ns();

	sample(now - c->started_ns);
	run.done++;
	if (run.is_warming)
		warm_up(c, now);
	if (!run.is_warming && (run.limit > 0 ? run.done + run.active > run.limit : now >= run.deadline_ns)) {
		close(c->fd);
		run.active--;
		return;
	}
	if (run.reconnects) {
		close(c->fd);
		dial(c);
		return;
	}
	c->started_ns = now;
	c->to_write = c->hello.ask;
	c->to_read = c->hello.answer;
}

static void rpc_ready(struct connection *c)
{
	int fd = c->fd;

	do {
		int out = pump_out(c);

		if (out < 0)
			fail("a request could not be sent");
		if (out > 0)
			return;
		int in = pump_in(c);

		if (in < 0)
			fail("an answer was cut short");
		if (in > 0)
			return;
		answered(c);
	} while (run.active > 0 && c->is_open && c->fd == fd && c->to_write > 0 &&
	         (run.is_warming || now_ns() < run.deadline_ns + 1000000000u));
}

static uint32_t settle_ms(void)
{
	const char *text = getenv("LOAD_SETTLE_MS");

	return text == NULL ? 0 : number(text);
}

/* Bulk flows are connected, and say nothing until they are as old as they shall be. */
static void settle(void)
{
	while (now_ns() < run.settled_ns)
		usleep(1000); /* EINTR: the clock decides */
	run.began_ns = now_ns();
}

static void generate(struct connection *connections, uint32_t count)
{
	struct epoll_event events[BATCH];

	run.active = count;
	for (uint32_t i = 0; i < count; i++)
		dial(&connections[i]);
	if (connections->hello.what == WHAT_BULK)
		settle();
	while (run.active > 0) {
		int ready = epoll_wait(run.epoll, events, BATCH, 10000);

		if (ready == 0)
			fail("nothing moved for ten seconds");
		for (int i = 0; i < ready; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c->is_open) {
				int error = 0;
				socklen_t length = sizeof error;

				getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
				errno = error;
				if (error != 0)
					die("connect");
				if (!(events[i].events & EPOLLOUT))
					continue;
				start(c);
			}
			if (c->hello.what == WHAT_BULK)
				bulk_ready(c);
			else
				rpc_ready(c);
		}
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile_us(double share)
{
	return run.samples == 0 ? 0
	                        : (double)run.samples_ns[(size_t)(share * (double)(run.samples - 1))] / 1000;
}

/* What the harness reads. */
void report(uint64_t elapsed_ns, uint64_t done, double mebibytes)
{
	if (run.samples > 0)
		qsort(run.samples_ns, run.samples, sizeof *run.samples_ns, by_size);
	printf("{\"seconds\":%.4f,\"warmed\":%llu,\"done\":%llu,\"per_second\":%.1f,\"gigabytes\":%.4f,"
	       "\"gigabytes_per_"
	       "second\":%.4f,"
	       "\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f}\n",
	        (double)elapsed_ns / 1e9, (unsigned long long)run.warmed, (unsigned long long)done,
	        (double)done / ((double)elapsed_ns / 1e9), mebibytes * 1048576 / 1e9,
	        mebibytes * 1048576 / (double)elapsed_ns, percentile_us(0.5), percentile_us(0.99),
	        percentile_us(0.999));
}

static _Noreturn void idle(struct connection *connections, uint32_t count)
{
	struct timeval patience = {.tv_sec = 5};

	for (uint32_t i = 0; i < count; i++) {
		struct hello hello = {.what = WHAT_RPC, .ask = 8, .answer = 8};

		connections[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connections[i].fd == -1 ||
		        connect(connections[i].fd, (struct sockaddr *)&run.where, sizeof run.where) == -1)
			die("connect");
		setsockopt(connections[i].fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		if (send(connections[i].fd, &hello, sizeof hello, 0) != sizeof hello ||
		        send(connections[i].fd, buffer, 8, 0) != 8)
			die("send");
		if (recv(connections[i].fd, buffer, 8, MSG_WAITALL) != 8)
			fail("an idle connection was not answered");
	}
	printf("open\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct connection *connections;
	struct hello hello = {0};
	const char *mode = argc > 1 ? argv[1] : "";
	uint32_t count = 1;
	double mebibytes = 0;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (strcmp(mode, "serve") == 0 && argc == 3)
		return serve(number(argv[2]));
	if (argc < 4)
		fail("usage: see the comment at the top of load.c");
	run.where = place(argv[2]);
	run.epoll = epoll_create1(0);
	if (strcmp(mode, "bulk") == 0 && argc == 6) {
		bool up = strcmp(argv[3], "down") != 0, down = strcmp(argv[3], "up") != 0;

		count = number(argv[4]);
		hello = (struct hello){.what = WHAT_BULK,
		        .ask = up ? number(argv[5]) : 0,
		        .answer = down ? number(argv[5]) : 0};
		mebibytes = (double)count * (hello.ask + hello.answer);
	} else if (strcmp(mode, "rpc") == 0 && argc == 7) {
		count = number(argv[3]);
		hello = (struct hello){.what = WHAT_RPC, .ask = number(argv[4]), .answer = number(argv[5])};
		run.deadline_ns = now_ns() + (uint64_t)number(argv[6]) * 1000000u;
	} else if (strcmp(mode, "churn") == 0 && argc == 5) {
		count = number(argv[3]);
		hello = (struct hello){.what = WHAT_RPC, .ask = 64, .answer = 64};
		run.deadline_ns = now_ns() + (uint64_t)number(argv[4]) * 1000000u;
		run.reconnects = true;
	} else if (strcmp(mode, "churns") == 0 && argc == 5) {
		count = number(argv[3]);
		hello = (struct hello){.what = WHAT_RPC, .ask = 64, .answer = 64};
		run.limit = number(argv[4]);
		run.reconnects = true;
	} else if (strcmp(mode, "idle") == 0 && argc == 4) {
		count = number(argv[3]);
	} else if (strcmp(mode, "etcd-range") == 0 && argc == 5) {
		return etcd_range(&run.where, number(argv[3]), number(argv[4]));
	} else if (strcmp(mode, "etcd-watch") == 0 && argc == 5) {
		return etcd_watch(&run.where, number(argv[3]), number(argv[4]));
	} else if (strcmp(mode, "scrape") == 0 && argc == 5) {
		return scrape(&run.where, number(argv[3]), number(argv[4]));
	} else if (strcmp(mode, "start") == 0 && argc >= 5) {
		return measure_start(&run.where, number(argv[3]), argv + 4);
	} else if (strcmp(mode, "bare") == 0 && argc == 4) {
		bare(&run.where, number(argv[3]));
	} else if (strcmp(mode, "keep") == 0 && argc == 5) {
		return keep(&run.where, number(argv[3]), number(argv[4]));
	} else if (strcmp(mode, "mute") == 0 && argc == 4) {
		return hold(&run.where, number(argv[3]), false);
	} else if (strcmp(mode, "slow") == 0 && argc == 4) {
		return hold(&run.where, number(argv[3]), true);
	} else if (strcmp(mode, "scan") == 0 && argc == 4) {
		return scan(&run.where, number(argv[3]));
	} else if (strcmp(mode, "half") == 0 && argc == 4) {
		return half_open(&run.where, number(argv[3]));
	} else if (strcmp(mode, "polite") == 0 && argc == 6) {
		return polite(&run.where, number(argv[3]), number(argv[4]), number(argv[5]));
	} else {
		fail("usage: see the comment at the top of load.c");
	}
	connections = calloc(count, sizeof *connections);
	if (connections == NULL)
		die("calloc");
	if (strcmp(mode, "idle") == 0)
		idle(connections, count);
	for (uint32_t i = 0; i < count; i++)
		connections[i].hello = hello;
	run.is_warming = strcmp(mode, "rpc") == 0;
	run.cold = run.is_warming ? count : 0;
	run.began_ns = now_ns();
	run.settled_ns = run.began_ns + (uint64_t)settle_ms() * 1000000u;
	generate(connections, count);
	report(now_ns() - run.began_ns, run.done, mebibytes);
	return 0;
}
