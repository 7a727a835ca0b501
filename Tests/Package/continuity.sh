# Sessions outlive the process: restarts, kills, and what happens where there is no room for them.

start_keeping() {
    install -m 644 Tests/Package/kept.pl "$machine_root/root/kept.pl"
    in_machine systemd-run --quiet --collect --unit=kept --property=StandardOutput=file:/root/kept.result \
        perl /root/kept.pl "${1:-23790}" "${2:-40}"
    sleep 3 # a session is stored when it is a second old
}

# Ends them, and sets how many answers there were, how many connections have ended, and the longest wait.
stop_keeping() {
    in_machine systemctl stop kept.service
    read -r kept_answers kept_ended kept_longest <"$machine_root/root/kept.result"
    rm "$machine_root/root/kept.result"
    printf '    kept:   %s answers, %s connections ended, longest wait %s ms\n' \
        "$kept_answers" "$kept_ended" "$kept_longest"
}

nobody_was_cut_off() {
    ((kept_answers > 500)) || { echo "only $kept_answers answers: that was no load"; return 1; }
    ((kept_ended == 0)) || { echo "$kept_ended connections have ended"; return 1; }
}

journal_says() { contains "$(journal etcd-gateway)" "$1"; }

test_continuity() {
    local pid _
    say "sessions over five restarts and five kills"
    start_keeping
    for _ in 1 2 3 4 5; do
        check "systemctl restart" in_machine systemctl restart etcd-gateway.service
        sleep 0.5
    done
    for _ in 1 2 3 4 5; do
        pid=$(unit_property etcd-gateway.service MainPID)
        in_machine kill -KILL "$pid"
        within 10 "another process serves" serves_as_other_than "$pid"
    done
    pid=$(unit_property etcd-gateway.service MainPID)
    in_machine kill -SEGV "$pid"
    within 10 "another process serves" serves_as_other_than "$pid"
    stop_keeping
    check "no session has ended" nobody_was_cut_off
    check "the journal says that they go on" contains "$(journal etcd-gateway)" 'sessions of an earlier process go on'

    say "SIGUSR2: another program in the same process"
    pid=$(unit_property etcd-gateway.service MainPID)
    start_keeping
    in_machine kill -USR2 "$pid"
    within 10 "it has handed over" journal_says 'handing over to the installed program'
    sleep 1
    stop_keeping
    check "no session has ended" nobody_was_cut_off
    check "the process is the same" unit_is etcd-gateway.service MainPID "$pid"
    check "service: active" unit_is etcd-gateway.service ActiveState active
}

# A process that does not live long enough to serve is what sessions have most of here: sixty kills, a fifth of a second apart.
test_kill_storm() {
    local pid deadline=$((SECONDS + 60)) kills=0
    say "killed every 200 ms for a minute"
    start_keeping
    while ((SECONDS < deadline)); do
        pid=$(unit_property etcd-gateway.service MainPID)
        if ((pid > 0)) && in_machine kill -KILL "$pid" 2>/dev/null; then kills=$((kills + 1)); fi
        sleep 0.2
    done
    echo "    $kills kills"
    check "they were many" test "$kills" -ge 60
    within 20 "socket and service are active" serves_as_other_than 0
    check "the socket was never given up" unit_is etcd-gateway.socket Result success
    sleep 2 # so that each has been answered
    stop_keeping
    check "no session has ended" nobody_was_cut_off
}

# What of the service is other than the package has it, until put_back.
with_drop_in() {
    sh_in_machine 'mkdir -p /etc/systemd/system/etcd-gateway.service.d
        printf "[Service]\n%s\n" "$@" >/etc/systemd/system/etcd-gateway.service.d/test.conf
        systemctl daemon-reload; systemctl stop etcd-gateway.service; systemctl start etcd-gateway.service' "$@" 2>/dev/null
}

put_back() {
    sh_in_machine 'rm -r /etc/systemd/system/etcd-gateway.service.d; systemctl daemon-reload
        systemctl stop etcd-gateway.service; systemctl start etcd-gateway.service' 2>/dev/null
    check "get" gets greeting hello
}

# 600 sessions: none, some or all of them find room. The table takes one place, a shelf two.
test_store_limits() {
    local pid room
    for room in 0 3 7; do
        say "room for $room descriptors"
        with_drop_in "FileDescriptorStoreMax=$room"
        start_keeping 23790 600
        pid=$(unit_property etcd-gateway.service MainPID)
        in_machine kill -KILL "$pid"
        within 10 "killed, another process serves" serves_as_other_than "$pid"
        stop_keeping
        case $room in
        0)
            check "the journal says that nothing is stored" journal_says 'the service manager keeps no descriptors'
            check "all have ended" is "$kept_ended" 600
            ;;
        3)
            check "the journal says that the store is full" journal_says 'the store of sessions is full'
            check "some have ended, some have not" some_have_ended 600
            ;;
        7) check "none has ended" is "$kept_ended" 0 ;;
        esac
    done
    put_back
}

some_have_ended() { ((kept_ended > 0 && kept_ended < $1)) || { echo "$kept_ended have ended"; return 1; }; }

# Without a store a stop lets sessions end, for as long as the settings say and longer than systemd would wait.
test_drain() {
    local began took
    say "stopped without a store: sessions have eight seconds, systemd's patience is three"
    with_drop_in FileDescriptorStoreMax=0 TimeoutStopSec=3 Environment=ETCD_GATEWAY_DRAIN_TIMEOUT=8s
    start_keeping
    began=$SECONDS
    in_machine systemctl stop --no-block etcd-gateway.service
    sleep 2
    check "status says that it is stopping" contains "$(in_machine etcd-gateway status)" STOPPING
    check "systemd is told how many are left" status_says "stopping, 40 sessions left"
    holds_within 30 unit_is etcd-gateway.service ActiveState inactive
    took=$((SECONDS - began))
    stop_keeping
    echo "    it took $took s"
    check "it took as long as it may" test "$took" -ge 7 -a "$took" -le 12
    check "systemd was patient" unit_is etcd-gateway.service Result success
    check "sessions were served until then" test "$kept_answers" -gt 500
    check "and reset then" is "$kept_ended" 40
    check "the port is still held" contains "$(in_machine ss -Hltn sport = :23790)" 127.0.0.1:23790
    put_back
}
