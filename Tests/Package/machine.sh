# A machine: a root, booted with systemd in a container that has a network of its own, in which there is only itself.

machine_root=
machine_process=   # of systemd-nspawn
machine_init=      # systemd, as this side numbers it
machine_network=

boot_machine() {
    machine_root=$(fresh_root machine)
    echo '127.0.0.1 localhost' >"$machine_root/etc/hosts" # debootstrap writes none, and etcd asks
    : >"$machine_root/etc/resolv.conf"                    # nobody is there to be asked
    machine_network=package-test-$$
    ip netns add "$machine_network"
    ip -n "$machine_network" link set lo up
    # nspawn wants a /run of its own where this machine has no systemd that runs.
    unshare --mount --propagation private bash -c '
        mkdir -p /run/systemd/nspawn && mount -t tmpfs tmpfs /run/systemd/nspawn
        exec systemd-nspawn --quiet --boot --directory="$1" --machine=etcd-gateway-test --register=no --keep-unit \
            --console=pipe --network-namespace-path="/run/netns/$2"' _ "$machine_root" "$machine_network" \
        </dev/null >"$work/console.log" 2>&1 &
    machine_process=$!
    holds_within 60 machine_has_init || fail "nspawn starts no machine: see $work/console.log"
    machine_init=$(machine_has_init)
    holds_within 60 machine_is_up || fail "the machine does not come up: see $work/console.log"
}

# Before it is there, the process has other children, for moments.
machine_has_init() { pgrep --parent "$machine_process" --exact systemd; }

machine_is_up() { [[ $(in_machine systemctl is-system-running 2>/dev/null) == @(running|degraded) ]]; }

in_machine() {
    nsenter --target "$machine_init" --all -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive ETCDCTL_API=3 "$@"
}

# The same for a text that bash runs.
sh_in_machine() { in_machine bash -c "set -eo pipefail; $1" _ "${@:2}"; }

stop_machine() {
    # Its init first: with that, every process of the machine ends.
    [[ -z $machine_init ]] || kill -KILL "$machine_init" 2>/dev/null
    [[ -z $machine_process ]] || {
        kill -KILL "$machine_process" 2>/dev/null
        wait "$machine_process" 2>/dev/null
    }
    [[ -z $machine_network ]] || ip netns delete "$machine_network"
    [[ -z $machine_root ]] || holds_within 10 rm -rf "$machine_root"
    machine_process='' machine_init='' machine_network='' machine_root=''
}

# A property of a unit: `unit_property etcd-gateway.service MainPID`.
unit_property() { in_machine systemctl show --property="$2" --value "$1"; }

unit_is() { [[ $(unit_property "$1" "$2") == "$3" ]]; }

journal() { in_machine journalctl --no-pager --output=cat --unit="$1" "${@:2}"; }
