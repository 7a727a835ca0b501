#include "scenes.h"
#include "faults.h"
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* A plane from nothing, as the program opens it. */
static void birth(struct stage *stage)
{
	if (!went_well(csp_options_try_loopback_congestion(&stage->options),
	            "csp_options_try_loopback_congestion"))
		errno = 0; /* then the machine's is used */
	if (!stage_open(stage))
		return;
	(void)exchange(stage, enter(stage), 100, 100);
	(void)exchange(stage, enter_by_unix_socket(stage), 100, 100);
	rest(stage, 20);
}

static void listen_and_serve(struct stage *stage, const struct csp_address *address)
{
	struct csp_address entrance = *address;
	int listener = csp_plane_listen(stage->plane, &entrance);

	if (!went_well(listener, "csp_plane_listen"))
		return;
	if (went_well(csp_plane_listener_address(stage->plane, (uint32_t)listener, &entrance),
	            "csp_plane_listener_address"))
		(void)exchange(stage, enter_at(stage, &entrance), 100, 100);
	must(csp_plane_unlisten(stage->plane, (uint32_t)listener) == 0, "csp_plane_unlisten");
}

/* A unix socket whose file was left behind by somebody who died. */
static void take_over_file(struct stage *stage)
{
	char path[96];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener;
	int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof path, "%s-left", stage->unix_entrance);
	memcpy(address.sun_path, path, strlen(path) + 1);
	must(bind(left, (const struct sockaddr *)&address, sizeof address) == 0, "a file that is left");
	sys_close(left);
	listener = csp_plane_listen_unix(stage->plane, path, 0600);
	if (went_well(listener, "csp_plane_listen_unix"))
		must(csp_plane_unlisten(stage->plane, (uint32_t)listener) == 0, "csp_plane_unlisten");
	(void)unlink(path); /* where the plane could not */
}

/* A listener that somebody else has too, who goes on to accept when ours is closed. */
static void share_listener(struct stage *stage)
{
	struct csp_address own = place_on_loopback(0);
	struct sockaddr_storage system;
	socklen_t length = address_to_system(&own, &system);
	int theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ours = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
	int client;
	int listener;

	must(bind(theirs, (const struct sockaddr *)&system, length) == 0 && listen(theirs, 8) == 0 &&
	                ours >= 0 && getsockname(theirs, (struct sockaddr *)&system, &length) == 0 &&
	                address_from_system(&system, &own) == 0,
	        "a listener");
	listener = csp_plane_adopt_listener(stage->plane, ours);
	if (went_well(listener, "csp_plane_adopt_listener")) {
		(void)exchange(stage, enter_at(stage, &own), 100, 100);
		must(csp_plane_unlisten(stage->plane, (uint32_t)listener) == 0, "csp_plane_unlisten");
	} else {
		sys_close(ours);
	}
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(client, (const struct sockaddr *)&system, length) == 0, "connect");
	rest(stage, 200); /* what waits there is none of the plane's business */
	sys_close(client);
	sys_close(theirs);
}

static void doors(struct stage *stage)
{
	listen_and_serve(stage, &(struct csp_address){.family = CSP_FAMILY_IPV4});
	listen_and_serve(stage, &(struct csp_address){.family = CSP_FAMILY_IPV6, .ip = {[15] = 1}});
	take_over_file(stage);
	share_listener(stage);
	(void)went_well(csp_plane_listener_descriptor(stage->plane, 0), "csp_plane_listener_descriptor");
	(void)exchange(stage, enter(stage), 100, 100);
}

/* More clients than may come: the listener pauses, and goes on when one has left. */
static void limits(struct stage *stage)
{
	struct pair *pairs[5];

	must(csp_plane_change(stage->plane, 3, 20, 60000) == 0, "csp_plane_change");
	for (int i = 0; i < 5; i++) {
		pairs[i] = enter(stage);
		pump(stage);
	}
	rest(stage, 500);
	for (int i = 0; i < 5; i++) {
		(void)await_server(stage, pairs[i]);
		cut(pairs[i], CLIENT);
		pump(stage);
	}
	rest(stage, 200);
	must(csp_plane_change(stage->plane, 1000, 15, 60000) == 0, "csp_plane_change");
	(void)exchange(stage, enter(stage), 100, 100);
}

/* Tables and counters, on their own. */
static void tables(struct stage *stage)
{
	int table = csp_table_create();
	int copy;
	csp_tally *tally = csp_tally_create(4);

	(void)stage;
	must(tally != NULL || faults_fired() > 0, "csp_tally_create");
	csp_tally_destroy(tally);
	if (!went_well(table, "csp_table_create"))
		return;
	(void)went_well(csp_table_check(table), "csp_table_check");
	copy = csp_table_copy(table);
	if (went_well(copy, "csp_table_copy"))
		sys_close(copy);
	sys_close(table);
}

const struct scene border_scenes[] = {
        {.name = "birth", .act = birth, .is_born = true},
        {.name = "birth-store", .act = birth, .is_born = true, .has_store = true},
        {.name = "doors", .act = doors},
        {.name = "limits", .act = limits},
        {.name = "tables", .act = tables},
};
const uint32_t border_scene_count = sizeof border_scenes / sizeof border_scenes[0];
