# The socket unit holds the port, whatever becomes of the service.

test_restarts() {
    say "five restarts under load"
    local socket_since
    socket_since=$(unit_property etcd-gateway.socket ActiveEnterTimestampMonotonic)
    start_load
    local _
    for _ in 1 2 3 4 5; do
        check "systemctl restart" in_machine systemctl restart etcd-gateway.service
        sleep 0.5
    done
    stop_load
    check "nobody was refused" nobody_was_refused
    check "the socket has been open all the time" \
        is "$(unit_property etcd-gateway.socket ActiveEnterTimestampMonotonic)" "$socket_since"
    check "one socket serves all loops" is "$(in_machine ss -Hltn sport = :23790 | wc -l)" 1
}

test_crash() {
    say "killed under load"
    local pid
    pid=$(unit_property etcd-gateway.service MainPID)
    start_load
    in_machine kill -KILL "$pid"
    within 10 "another process serves" serves_as_other_than "$pid"
    stop_load
    check "nobody was refused" nobody_was_refused
}

serves_as_other_than() {
    [[ $(unit_property etcd-gateway.service MainPID) != @(0|"$1") ]] &&
        unit_is etcd-gateway.service ActiveState active && gets greeting hello
}

test_watchdog() {
    say "a loop that is stuck"
    local pid began
    pid=$(unit_property etcd-gateway.service MainPID)
    began=$(unit_property etcd-gateway.service WatchdogTimestampMonotonic)
    within 12 "the watchdog is fed" watchdog_was_fed_since "$began"
    install -m 644 Tests/Package/stall.pl "$machine_root/root/stall.pl"
    in_machine systemd-run --quiet --unit=stall perl /root/stall.pl "$pid" loop-0
    began=$SECONDS
    within 30 "systemd restarts the service" serves_as_other_than "$pid"
    printf '    stuck for %s s\n' $((SECONDS - began))
    in_machine systemctl stop stall.service 2>/dev/null || true # it has ended with the one it held
    check "because of the watchdog" contains "$(journal etcd-gateway)" 'Watchdog timeout'
    check "the gateway had said which loop it is" contains "$(journal etcd-gateway)" 'loops make no progress'
}

watchdog_was_fed_since() { [[ $(unit_property etcd-gateway.service WatchdogTimestampMonotonic) != "$1" ]]; }

test_stop() {
    say "stopped by somebody, with 40 stored sessions"
    start_keeping
    check "systemctl stop" in_machine systemctl stop etcd-gateway.socket etcd-gateway.service
    sleep 1
    stop_keeping
    check "all of them have ended" is "$kept_ended" 40
    check "ended well" unit_is etcd-gateway.service Result success
    check "the port is closed" is "$(in_machine ss -Hltn sport = :23790)" ''
    check "systemctl start brings the socket as well" in_machine systemctl start etcd-gateway.service
    check "socket: active" unit_is etcd-gateway.socket ActiveState active
    check "get" gets greeting hello
    say "started by a client"
    in_machine systemctl stop etcd-gateway.service 2>/dev/null
    check "service: stopped" unit_is etcd-gateway.service ActiveState inactive
    within 20 "a client starts the service" gets greeting hello
    check "service: active" unit_is etcd-gateway.service ActiveState active
}
