/* Looks at the metrics of a gateway so many times a second, each time on a connection of its own. */
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Scrapes that are under way at a time: with more the gateway is not the one who is measured. */
#define UNDER_WAY_MAX 16

static const char request[] = "GET /metrics HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n";
static const char good[] = "HTTP/1.1 200 ";

struct scrape {
	uint64_t began_ns;
	uint64_t bytes;
	char head[sizeof good];
};

static struct {
	struct pollfd fds[UNDER_WAY_MAX];
	struct scrape scrapes[UNDER_WAY_MAX];
	uint32_t count;
	uint64_t done;
	uint64_t bytes;
} run;

static void begin(const struct sockaddr_in *where)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || connect(fd, (const struct sockaddr *)where, sizeof *where) == -1)
		die("connect");
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1)
		die("send");
	run.fds[run.count] = (struct pollfd){.fd = fd, .events = POLLIN};
	run.scrapes[run.count] = (struct scrape){.began_ns = now_ns()};
	run.count++;
}

static void end(uint32_t index)
{
	struct scrape *scrape = &run.scrapes[index];

	if (scrape->bytes < 1000 || memcmp(scrape->head, good, sizeof good - 1) != 0)
		fail("a scrape was not answered");
	sample(now_ns() - scrape->began_ns);
	run.done++;
	run.bytes += scrape->bytes;
	close(run.fds[index].fd);
	run.count--;
	run.fds[index] = run.fds[run.count];
	run.scrapes[index] = run.scrapes[run.count];
}

/* Reads what has come; false at the end of the answer. */
static int go_on(uint32_t index)
{
	static char answer[65536];
	struct scrape *scrape = &run.scrapes[index];
	ssize_t n = recv(run.fds[index].fd, answer, sizeof answer, MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return 1;
	if (n == -1)
		die("recv");
	if (scrape->bytes == 0 && n >= (ssize_t)sizeof good - 1)
		memcpy(scrape->head, answer, sizeof good - 1);
	scrape->bytes += (uint64_t)n;
	return n > 0;
}

int scrape(const struct sockaddr_in *where, uint32_t per_second, uint32_t ms)
{
	uint64_t began_ns = now_ns(), deadline_ns = began_ns + (uint64_t)ms * 1000000u;
	uint64_t pause_ns = 1000000000u / (per_second == 0 ? 1 : per_second), due_ns = began_ns;

	while (now_ns() < deadline_ns || run.count > 0) {
		uint64_t now = now_ns();
		int wait_ms = 10;

		if (now < deadline_ns) {
			if (due_ns <= now && run.count < UNDER_WAY_MAX) {
				begin(where);
				due_ns += pause_ns;
				continue;
			}
			if (due_ns > now)
				wait_ms = (int)((due_ns - now) / 1000000u) + 1;
		}
		if (poll(run.fds, run.count, wait_ms) == -1 && errno != EINTR)
			die("poll");
		for (uint32_t i = run.count; i-- > 0;)
			if (run.fds[i].revents != 0 && !go_on(i))
				end(i);
	}
	report(now_ns() - began_ns, run.done, (double)run.bytes / 1048576);
	return 0;
}
