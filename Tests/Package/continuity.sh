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

# A store with so much room; then killed and started.
with_room_for() {
    sh_in_machine 'mkdir -p /etc/systemd/system/etcd-gateway.service.d
        printf "[Service]\nFileDescriptorStoreMax=%s\n" "$1" >/etc/systemd/system/etcd-gateway.service.d/test.conf
        systemctl daemon-reload; systemctl stop etcd-gateway.service; systemctl start etcd-gateway.service' "$1" 2>/dev/null
}

test_store_limits() {
    local pid room
    for room in 0 3 6; do
        say "room for $room descriptors"
        with_room_for "$room"
        start_keeping 23790 600
        pid=$(unit_property etcd-gateway.service MainPID)
        in_machine kill -KILL "$pid"
        within 10 "killed, another process serves" serves_as_other_than "$pid"
        stop_keeping
        check "the journal says what is not stored" contains "$(journal etcd-gateway --since=-30s)" 'stor'
    done
    sh_in_machine 'rm -r /etc/systemd/system/etcd-gateway.service.d; systemctl daemon-reload
        systemctl stop etcd-gateway.service; systemctl start etcd-gateway.service' 2>/dev/null
    check "get" gets greeting hello
}
