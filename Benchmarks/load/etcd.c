/*
 * Reads and watches of a real etcd member, over its JSON gateway: HTTP/1.1, so that a page of C can speak it.
 * One thread; connections that block are waited for by poll.
 */
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_BYTES 16384
/* base64 of "greeting" and of "hello" */
#define KEY "Z3JlZXRpbmc="
#define VALUE "aGVsbG8="
#define PATIENCE_MS 10000

struct http {
	int fd;
	size_t length;
	uint64_t asked_ns;
	char answer[ANSWER_BYTES + 1];
};

static void dial(struct http *http, const struct sockaddr_in *where)
{
	int one = 1;

	http->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (http->fd == -1 || connect(http->fd, (const struct sockaddr *)where, sizeof *where) == -1)
		die("connect");
	setsockopt(http->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void ask(struct http *http, const char *path, const char *body)
{
	char request[512];
	int length = snprintf(request, sizeof request,
	        "POST %s HTTP/1.1\r\nHost: etcd\r\nContent-Type: application/json\r\nContent-Length: "
	        "%zu\r\n\r\n%s",
	        path, strlen(body), body);

	http->length = 0;
	http->asked_ns = now_ns();
	if (send(http->fd, request, (size_t)length, MSG_NOSIGNAL) != length)
		die("send");
}

/* Adds what has come. */
static void receive(struct http *http)
{
	ssize_t n = recv(http->fd, http->answer + http->length, ANSWER_BYTES - http->length, 0);

	if (n <= 0)
		fail("etcd ended a connection, or said too much");
	http->length += (size_t)n;
	http->answer[http->length] = 0;
}

/* Whether all of an answer with a length is there; it must be a good one. */
static bool is_whole(const struct http *http)
{
	const char *head_end = strstr(http->answer, "\r\n\r\n");
	const char *length = strcasestr(http->answer, "\r\nContent-Length:");

	if (head_end == NULL)
		return false;
	if (strncmp(http->answer, "HTTP/1.1 200", 12) != 0 || length == NULL || length > head_end)
		fail("etcd gave an unexpected answer");
	return http->length >= (size_t)(head_end + 4 - http->answer) + strtoul(length + 17, NULL, 10);
}

static void ask_and_wait(struct http *http, const char *path, const char *body)
{
	ask(http, path, body);
	while (http->length == 0 || !is_whole(http))
		receive(http);
}

static void wait_for_any(struct pollfd *polled, uint32_t count)
{
	if (poll(polled, count, PATIENCE_MS) <= 0)
		fail("nothing came for ten seconds");
}

static struct http *dial_all(const struct sockaddr_in *where, uint32_t count, struct pollfd **polled)
{
	struct http *all = calloc(count, sizeof *all);

	*polled = calloc(count, sizeof **polled);
	if (all == NULL || *polled == NULL)
		die("calloc");
	for (uint32_t i = 0; i < count; i++) {
		dial(&all[i], where);
		(*polled)[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
	}
	return all;
}

int etcd_range(const struct sockaddr_in *where, uint32_t connections, uint32_t ms)
{
	const char *range = "{\"key\":\"" KEY "\"}";
	struct pollfd *polled;
	struct http *all = dial_all(where, connections, &polled);
	uint64_t began_ns, end_ns, done = 0;

	ask_and_wait(&all[0], "/v3/kv/put", "{\"key\":\"" KEY "\",\"value\":\"" VALUE "\"}");
	began_ns = now_ns();
	end_ns = began_ns + (uint64_t)ms * 1000000u;
	for (uint32_t i = 0; i < connections; i++)
		ask(&all[i], "/v3/kv/range", range);
	while (now_ns() < end_ns) {
		wait_for_any(polled, connections);
		for (uint32_t i = 0; i < connections; i++) {
			if (polled[i].revents == 0)
				continue;
			receive(&all[i]);
			if (!is_whole(&all[i]))
				continue;
			if (strstr(all[i].answer, VALUE) == NULL)
				fail("etcd did not give the value");
			sample(now_ns() - all[i].asked_ns);
			done++;
			ask(&all[i], "/v3/kv/range", range);
		}
	}
	report(now_ns() - began_ns, done, 0);
	return 0;
}

/* Reads until so many watchers have got the text; what they got is thrown away. */
static void wait_for_text(
        struct http *all, struct pollfd *polled, uint32_t count, const char *text, uint64_t asked_ns)
{
	uint32_t left = count;

	while (left > 0) {
		wait_for_any(polled, count);
		for (uint32_t i = 0; i < count; i++) {
			if (polled[i].revents == 0)
				continue;
			receive(&all[i]);
			if (strstr(all[i].answer, text) == NULL)
				continue;
			if (asked_ns > 0)
				sample(now_ns() - asked_ns);
			all[i].length = 0;
			left--;
		}
	}
}

int etcd_watch(const struct sockaddr_in *where, uint32_t watchers, uint32_t ms)
{
	struct pollfd *polled;
	struct http *all = dial_all(where, watchers, &polled);
	struct http writer = {0};
	uint64_t began_ns, end_ns, done = 0;

	dial(&writer, where);
	for (uint32_t i = 0; i < watchers; i++)
		ask(&all[i], "/v3/watch", "{\"create_request\":{\"key\":\"" KEY "\"}}");
	wait_for_text(all, polled, watchers, "\"created\":true", 0);
	began_ns = now_ns();
	end_ns = began_ns + (uint64_t)ms * 1000000u;
	for (uint32_t round = 0; now_ns() < end_ns; round++) {
		uint64_t asked_ns = now_ns();

		ask_and_wait(&writer, "/v3/kv/put", "{\"key\":\"" KEY "\",\"value\":\"" VALUE "\"}");
		wait_for_text(all, polled, watchers, "\"events\":", asked_ns);
		done += watchers;
	}
	report(now_ns() - began_ns, done, 0);
	return 0;
}
