# Two clusters on one machine.

test_instances() {
    say "an instance for another cluster"
    in_machine systemd-run --quiet --unit=other-etcd etcd --data-dir=/root/other-etcd \
        --listen-client-urls=http://127.0.0.1:2479 --advertise-client-urls=http://127.0.0.1:2479 \
        --listen-peer-urls=http://127.0.0.1:2480 --initial-advertise-peer-urls=http://127.0.0.1:2480 \
        --initial-cluster=default=http://127.0.0.1:2480
    in_machine systemctl start etcd-gateway@23791.socket etcd-gateway@23791.service 2>/dev/null
    check "without settings of its own it does not run" unit_is etcd-gateway@23791.service ExecMainStatus 2
    check "and says which file it wants" contains "$(journal etcd-gateway@23791)" /etc/default/etcd-gateway@23791
    sh_in_machine 'echo ETCD_GATEWAY_ENDPOINTS=127.0.0.1:2479 >/etc/default/etcd-gateway@23791'
    check "enabled and started" in_machine systemctl enable --now etcd-gateway@23791.socket etcd-gateway@23791.service
    check "instance: active" unit_is etcd-gateway@23791.service ActiveState active
    within 30 "put through the instance" etcdctl_instance put greeting salut
    check "it is the other cluster" is "$(etcdctl_instance get greeting --print-value-only)" salut
    check "the first one is what it was" gets greeting hello
    check "state of its own" in_machine test -d /var/lib/etcd-gateway@23791
    check "users of their own" users_differ
    check "exposure at most 1.5 (systemd-analyze security)" exposure_is_low etcd-gateway@23791.service
    in_machine systemctl restart etcd-gateway@23791.service
    within 10 "get after a restart" is "$(etcdctl_instance get greeting --print-value-only)" salut

    say "an instance with a name"
    sh_in_machine 'mkdir -p /etc/systemd/system/etcd-gateway@west.socket.d
        printf "[Socket]\nListenStream=\nListenStream=127.0.0.1:23792\n" >/etc/systemd/system/etcd-gateway@west.socket.d/address.conf
        echo ETCD_GATEWAY_ENDPOINTS=127.0.0.1:2479 >/etc/default/etcd-gateway@west
        systemctl daemon-reload'
    check "started" in_machine systemctl start etcd-gateway@west.service
    check "its socket came with it" contains "$(in_machine ss -Hltn sport = :23792)" 127.0.0.1:23792
    within 10 "get" is "$(in_machine etcdctl --endpoints=http://127.0.0.1:23792 get greeting --print-value-only)" salut
    in_machine systemctl stop etcd-gateway@west.socket etcd-gateway@west.service
    sh_in_machine 'rm -r /etc/systemd/system/etcd-gateway@west.socket.d; systemctl daemon-reload'
}

etcdctl_instance() { in_machine etcdctl --endpoints=http://127.0.0.1:23791 --command-timeout=5s "$@"; }

users_differ() {
    local one other
    one=$(in_machine ps -o uid= -p "$(unit_property etcd-gateway.service MainPID)")
    other=$(in_machine ps -o uid= -p "$(unit_property etcd-gateway@23791.service MainPID)")
    [[ -n $one && -n $other && $one != "$other" ]] || { echo "$one and $other"; return 1; }
}
