# apt, from the file: what must hold on a machine that has neither settings nor an etcd.

readonly state_of_files=$work/files-before

install_package() { in_machine apt-get install -y --allow-downgrades \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "${@:2}" "/root/$1"; }

# What could be left behind. apt's and dpkg's own books, logs, and what every boot writes, are not the package's.
list_files() {
    sh_in_machine 'find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /root -o -path /tmp -o -path /var/tmp \
        -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd/timers \
        -o -path /var/lib/systemd/random-seed -o -path /var/lib/systemd/timesync -o -path /var/lib/etcd \) -prune -o -print;
        find /run -path /run/systemd -prune -o -path /run/log -prune -o -print; getent group etcd-gateway || true' | sort
}

test_installation() {
    say "installed on a machine without settings and without an etcd"
    cp "$package" "$machine_root/root/now.deb"
    # Libraries stay when the package goes; they are none of what is looked for.
    in_machine apt-get install -y "${needed_by_package[@]}" >/dev/null 2>&1
    list_files >"$state_of_files"
    check "apt installs it from the file" install_package now.deb
    check "service: active" unit_is etcd-gateway.service ActiveState active
    check "socket: active" unit_is etcd-gateway.socket ActiveState active
    check "service: enabled" unit_is etcd-gateway.service UnitFileState enabled
    check "socket: enabled" unit_is etcd-gateway.socket UnitFileState enabled
    within 20 "STATUS says for whom it waits" status_says 'waiting for 127.0.0.1:2379'
    check "the journal names the endpoint that does not answer" contains "$(journal etcd-gateway)" 127.0.0.1:2379
    check "nothing has failed" is "$(in_machine systemctl --failed --plain --no-legend)" ''
    check "apt is content with what is installed" in_machine apt-get check
}

status_says() { contains "$(unit_property etcd-gateway.service StatusText)" "$1"; }

test_sandbox() {
    say "the sandbox"
    local pid status
    pid=$(unit_property etcd-gateway.service MainPID)
    status=$(in_machine cat "/proc/$pid/status")
    check "no capability" contains "$status" $'CapEff:\t0000000000000000'
    check "none can be gained" contains "$status" $'NoNewPrivs:\t1'
    check "system calls are filtered" contains "$status" $'Seccomp:\t2'
    check "a user that exists as long as the service does" is_dynamic_user "$(in_machine ps -o uid= -p "$pid")"
    check "group of the package" is "$(in_machine ps -o group= -p "$pid")" 'etcd-gateway'
    check "limit of descriptors" contains "$(in_machine cat "/proc/$pid/limits")" "Max open files            $(nofile)"
    check "exposure at most 1.5 (systemd-analyze security)" exposure_is_low etcd-gateway.service
    check "units without a mistake (systemd-analyze verify)" units_are_sound
}

# The range is systemd's own (docs/UIDS-GIDS.md there).
is_dynamic_user() { (($1 >= 61184 && $1 <= 65519)) || { echo "it is $1"; return 1; }; }

# A container may not be allowed what the unit asks for; then it has what this machine may have.
nofile() {
    local most
    most=$(in_machine bash -c 'ulimit -Hn')
    if ((most < 524288)); then echo "$most"; else echo 524288; fi
}

exposure_is_low() {
    local exposure
    exposure=$(in_machine systemd-analyze security --no-pager "$1" | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "exposure of $1: $exposure"
    echo "$1=$exposure" >>"$work/exposures"
    awk -v exposure="$exposure" 'BEGIN { exit !(exposure != "" && exposure <= 1.5) }'
}

units_are_sound() {
    local output
    output=$(in_machine systemd-analyze verify --man=no etcd-gateway.service etcd-gateway.socket 2>&1) || return 1
    is "$(grep etcd-gateway <<<"$output")" ''
}

test_put_and_get() {
    say "put and get"
    check "an etcd is started" in_machine systemctl start etcd.service
    within 30 "put through the gateway" etcdctl put greeting hello
    check "get through the gateway" gets greeting hello
    within 20 "STATUS counts the endpoint" status_says '1/1 endpoint'
    check "the admin socket is the group's" is "$(in_machine stat -c '%a %G' /run/etcd-gateway/admin.sock)" '660 etcd-gateway'
    check "status says that it is ready" contains "$(in_machine etcd-gateway status)" 'ready'
    check "a member of the group may look" contains "$(as_member status)" 'ready'
    check "and may not order" contains "$(as_member log-level debug)" "orders are taken from root"
}

# As nobody, who is in the group etcd-gateway and in no other.
as_member() {
    sh_in_machine "setpriv --reuid=nobody --regid=etcd-gateway --clear-groups etcd-gateway $* 2>&1 || true"
}

etcdctl() { in_machine etcdctl --endpoints=http://127.0.0.1:23790 --command-timeout=5s "$@"; }

gets() { is "$(etcdctl get "$1" --print-value-only)" "$2"; }

test_documents() {
    say "what a person finds"
    check "manual of the program" in_machine test -s /usr/share/man/man8/etcd-gateway.8.gz
    check "manual of the settings" in_machine test -s /usr/share/man/man5/etcd-gateway.conf.5.gz
    check "settings are a conffile" contains "$(in_machine dpkg-query -W -f='${Conffiles}' etcd-gateway)" /etc/default/etcd-gateway
    check "bash completes flags" contains "$(completions --disc)" --discovery-srv
    check "bash completes commands" contains "$(completions undr)" undrain
    check "pages are where README looks for them" pages_are_there
    check "zsh has completions" in_machine test -s /usr/share/zsh/vendor-completions/_etcd-gateway
    check "fish has completions" in_machine test -s /usr/share/fish/vendor_completions.d/etcd-gateway.fish
}

pages_are_there() {
    local page missing=()
    for page in $(grep -o '](docs/[^)#]*' README.md | cut -c3- | grep -v ^docs/examples | sort -u); do
        in_machine test -s "/usr/share/doc/etcd-gateway/$page" || missing+=("$page")
    done
    is "${missing[*]}" ''
}

# What bash offers behind so much of a word.
completions() {
    sh_in_machine '. /usr/share/bash-completion/bash_completion
        . /usr/share/bash-completion/completions/etcd-gateway
        function=$(complete -p etcd-gateway | sed "s/.*-F \([^ ]*\) .*/\1/")
        COMP_WORDS=(etcd-gateway "$1") COMP_CWORD=1 COMP_LINE="etcd-gateway $1" COMP_TYPE=9
        COMP_POINT=${#COMP_LINE}
        "$function" etcd-gateway "$1" etcd-gateway || true
        printf "%s\n" "${COMPREPLY[@]}"' "$1"
}

test_check() {
    local said line
    say "etcd-gateway check, as root, as somebody else, and where something is wrong"
    check "nothing is wrong" contains "$(in_machine etcd-gateway check)" 'nothing is wrong'
    said=$(sh_in_machine "setpriv --reuid=nobody --regid=nogroup --clear-groups etcd-gateway check 2>&1 || true")
    check "who may not ask is told so" contains "$said" 'you may not connect to /run/etcd-gateway/admin.sock'
    check "and takes the gateway for no stranger" contains "$said" 'somebody listens on 127.0.0.1:23790: the gateway, if it runs'
    sh_in_machine "cp $settings_file /root/settings.good; echo ETCD_GATEWAY_RETRY_DELAY=soon >>$settings_file"
    line=$(in_machine wc -l "$settings_file" | cut -d ' ' -f 1)
    said=$(sh_in_machine 'etcd-gateway check 2>&1 || echo "exit $?"')
    check "a wrong line is named" contains "$said" "$settings_file:$line: \"soon\""
    check "with exit code 2" contains "$said" 'exit 2'
    sh_in_machine "cp /root/settings.good $settings_file"
    in_machine systemctl stop etcd-gateway.service 2>/dev/null
    said=$(sh_in_machine 'etcd-gateway check 2>&1 || echo "exit $?"')
    check "a service that is down is where to look" contains "$said" 'systemctl status etcd-gateway tells why'
    check "with exit code 1" contains "$said" 'exit 1'
    in_machine systemctl start etcd-gateway.service
    check "get" gets greeting hello
}
