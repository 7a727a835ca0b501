# From `etcd gateway` as somebody ran it, by the words of README.md and by the drop-in that the package brings.

test_migration() {
    say "coming from etcd gateway"
    local line
    line=$(grep '^systemctl disable --now etcd-proxy ' README.md |
        sed 's/infra0[^ ]*/127.0.0.1:2379/') # the cluster of this machine
    in_machine systemctl stop etcd-gateway.socket etcd-gateway.service 2>/dev/null
    sh_in_machine 'printf "[Service]\nExecStart=/usr/bin/etcd gateway start --endpoints=127.0.0.1:2379\n[Install]\nWantedBy=multi-user.target\n" \
        >/etc/systemd/system/etcd-proxy.service; systemctl enable --now etcd-proxy.service' 2>/dev/null
    within 10 "etcd gateway serves" gets greeting hello
    check "the line of README.md" sh_in_machine "$line"
    check "it serves no more" unit_is etcd-proxy.service ActiveState inactive
    within 10 "get" gets greeting hello
    check "by our socket" unit_is etcd-gateway.socket ActiveState active
    sh_in_machine "cp /root/settings.good $settings_file"

    in_machine install -D -m 644 /usr/share/doc/etcd-gateway/examples/formerly-etcd-gateway.conf \
        /etc/systemd/system/etcd-gateway.service.d/formerly-etcd-gateway.conf
    sh_in_machine "sed -i s/infra0.example.com.*/127.0.0.1:2379/ /etc/systemd/system/etcd-gateway.service.d/*.conf
        systemctl daemon-reload"
    check "the drop-in" in_machine systemctl restart etcd-gateway.socket etcd-gateway.service
    check "the old command line runs" contains "$(in_machine ps -o args= -C etcd-gateway)" 'etcd-gateway gateway start --endpoints='
    within 10 "get" gets greeting hello
    sh_in_machine 'rm -r /etc/systemd/system/etcd-gateway.service.d /etc/systemd/system/etcd-proxy.service
        systemctl daemon-reload; systemctl restart etcd-gateway.service'
}
