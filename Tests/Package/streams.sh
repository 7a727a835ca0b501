# Byte streams with both ends compared (Tests/Continuity/streams.c) through an instance, and etcd's own watch and lease
# through the first gateway, over everything that ends a process.

readonly streams_unit=etcd-gateway@23795.service

build_streams() {
    cc -O2 -D_GNU_SOURCE -std=gnu17 -Wall -Wextra -Werror -o "$work/streams" Tests/Continuity/streams.c
    install -m 755 "$work/streams" "$machine_root/root/streams"
    sh_in_machine 'printf "ETCD_GATEWAY_ENDPOINTS=127.0.0.1:23796\nETCD_GATEWAY_HEALTH_CHECK=tcp\n" \
        >/etc/default/etcd-gateway@23795
        systemctl enable --now etcd-gateway@23795.socket etcd-gateway@23795.service' 2>/dev/null
}

remove_streams() {
    sh_in_machine 'systemctl disable --now etcd-gateway@23795.socket etcd-gateway@23795.service
        rm /etc/default/etcd-gateway@23795' 2>/dev/null
}

# start_streams WORDS...: of `streams`. Its input ends when a file appears.
start_streams() {
    in_machine rm -f /root/streams.stop /root/streams.code
    in_machine systemd-run --quiet --collect --unit=streams --property="LimitNOFILE=$(nofile)" sh -c \
        'until [ -e /root/streams.stop ]; do sleep 0.2; done | /root/streams 23795 23796 "$@" >/root/streams.result 2>&1
        echo $? >/root/streams.code' _ "$@"
    holds_within 60 in_machine grep -q streaming /root/streams.result || fail "no streams: see the machine's journal"
    sleep 3 # a session is stored when it is a second old
}

stop_streams() {
    in_machine touch /root/streams.stop
    holds_within 120 in_machine test -e /root/streams.code
    printf '    streams: %s\n' "$(in_machine tail -n 1 /root/streams.result)"
}

streams_lost_nothing() {
    is "$(in_machine cat /root/streams.code)" 0 && contains "$(in_machine tail -n 1 /root/streams.result)" ' refused 0 '
}

# ---- etcd's own clients, who must not notice ----

declare -i watched=0

start_watching() {
    local lease
    lease=$(etcdctl lease grant 10 | awk '{ print $2 }')
    in_machine systemd-run --quiet --unit=watch --setenv=ETCDCTL_API=3 --property=StandardOutput=truncate:/root/watched \
        etcdctl --endpoints=http://127.0.0.1:23790 watch --prefix watched/
    in_machine systemd-run --quiet --unit=lease --setenv=ETCDCTL_API=3 \
        etcdctl --endpoints=http://127.0.0.1:23790 lease keep-alive "$lease"
    watched=0
    within 10 "a watch sees what is put" put_is_seen
    within 10 "a lease is kept alive" contains_kept "$lease"
    sleep 2
    sockets_before=$(sockets_of watch lease)
    lease_kept=$lease
}

# It may take more than one: who watches too late does not see it.
put_is_seen() { etcdctl put watched/first 1 >/dev/null && in_machine grep -q watched/first /root/watched; }

put_watched() {
    watched+=1
    etcdctl put "watched/$watched" "$watched" >/dev/null
}

contains_kept() { contains "$(journal lease)" "lease $1 keepalived"; }

# The connections of these units to the gateway, by their own ports.
sockets_of() {
    local unit
    for unit in "$@"; do
        in_machine ss -Htnp state established dport = :23790 | grep "pid=$(unit_property "$unit.service" MainPID)," |
            awk '{ print $3 }'
    done
}

stop_watching() {
    within 5 "the watch has missed nothing" watch_has_seen "$(seq -f 'watched/%g' -s ' ' "$watched")"
    check "the lease lives" contains "$(etcdctl lease timetolive "$lease_kept")" 'granted with TTL(10s), remaining'
    check "both on the connections that they had before" is "$(sockets_of watch lease)" "$sockets_before"
    in_machine systemctl stop watch.service lease.service
}

watch_has_seen() { is "$(in_machine grep '^watched/[0-9]' /root/watched | paste -s -d ' ')" "$1"; }

# ---- what ends a process ----

end_processes() { # HOW
    local unit units=(etcd-gateway.service "$streams_unit") pids=() before
    before=$(hand_overs)
    for unit in "${units[@]}"; do pids+=("$(unit_property "$unit" MainPID)"); done
    case $1 in
    restart) in_machine systemctl restart "${units[@]}" ;;
    *) in_machine kill "-$1" "${pids[@]}" ;;
    esac
    if [[ $1 == USR2 ]]; then
        holds_within 10 have_more_hand_overs_than "$before" || return 1
    else
        holds_within 10 serves_as_other_than "${pids[0]}" || return 1
        holds_within 10 is_other_than "${pids[1]}" || return 1
    fi
    sleep "0.$((RANDOM % 900 + 100))"
    put_watched
}

# Of both gateways: one that came to nothing would cost no session either.
hand_overs() {
    in_machine journalctl --no-pager --output=cat --unit=etcd-gateway --unit="$streams_unit" |
        grep -c 'sessions of an earlier process go on'
}

have_more_hand_overs_than() { (($(hand_overs) >= $1 + 2)); }

is_other_than() {
    [[ $(unit_property "$streams_unit" MainPID) != @(0|"$1") ]] && unit_is "$streams_unit" ActiveState active
}

# test_streams TIMES SESSIONS
test_streams() {
    local how i
    say "$2 streams, a watch and a lease over $1 hand-overs, kills and restarts each"
    build_streams
    start_watching
    start_streams "sessions=$2" rate=20000
    for how in USR2 KILL restart; do
        for ((i = 0; i < $1; i++)); do end_processes "$how" || check "served after $how" false; done
    done
    stop_streams
    check "no byte and no session was lost, nobody was refused" streams_lost_nothing
    stop_watching
    remove_streams
}

# ---- what it costs systemd ----

cpu_of() { awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"; }

# What systemd uses meanwhile, a unit that is started for the streams included.
test_cost_of_storing() {
    local count before after
    say "CPU of systemd while sessions come, are stored, and rest for three seconds"
    build_streams
    for count in 0 100 1000 4900; do
        before=$(cpu_of "$machine_init")
        start_streams "sessions=$((count > 0 ? count : 1))" rate=0 ask=0 new=0
        after=$(cpu_of "$machine_init")
        printf '    %s sessions: %s ms\n' "$count" $((after - before))
        stop_streams >/dev/null
        check "$count sessions cost it less than 0.2 s" test $((after - before)) -lt 200
    done
    start_streams sessions=1 rate=0 ask=0 new=1
    before=$(cpu_of "$machine_init")
    sleep 10
    after=$(cpu_of "$machine_init")
    stop_streams
    printf '    the new ones of ten seconds: %s ms\n' $((after - before))
    check "short connections cost it nothing" test $((after - before)) -lt 50
    remove_streams
}
