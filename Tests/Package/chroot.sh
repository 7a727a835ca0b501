# A root without systemd, as for an image: nothing runs there, and nothing of it may be needed.

test_chroot() {
    say "a chroot without systemd"
    local root
    root=$(fresh_root bare)
    cp "$package" "$root/root/now.deb"
    in_bare_root "$root" apt-get install -y "${needed_by_package[@]}" >/dev/null 2>&1
    bare_files "$root" >"$work/bare-before"
    check "no systemd there" bash -c "! test -e $root/lib/systemd/systemd"
    check "install" in_bare_root "$root" apt-get install -y /root/now.deb
    check "service: enabled for the first boot" test -L "$root/etc/systemd/system/multi-user.target.wants/etcd-gateway.service"
    check "socket: enabled for the first boot" test -L "$root/etc/systemd/system/sockets.target.wants/etcd-gateway.socket"
    check "the program runs" contains "$(with_proc "$root" etcd-gateway version)" 'etcd-gateway '
    check "and says why it cannot where /proc is not there" \
        contains "$(in_bare_root "$root" etcd-gateway version 2>&1)" 'is /proc mounted?'
    check "reinstall" in_bare_root "$root" apt-get install -y --reinstall /root/now.deb
    check "remove" in_bare_root "$root" apt-get remove -y etcd-gateway
    check "purge" in_bare_root "$root" apt-get purge -y etcd-gateway
    bare_files "$root" >"$work/bare-after"
    check "nothing is left" diff "$work/bare-before" "$work/bare-after"
    rm -rf "$root"
}

in_bare_root() {
    local root=$1
    shift
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# The same with /proc, which is gone with the command.
with_proc() {
    unshare --mount --propagation private bash -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' _ "$@"
}

# Without the copies that groupadd and groupdel keep of what they change.
bare_files() {
    (cd "$1" && find . \( -path ./root -o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt \
        -o -path ./var/lib/dpkg -o -path ./etc/systemd -o -path ./etc/group- -o -path ./etc/gshadow- -o -path ./var/lib/systemd \) -prune -o -print | sort
    getent group etcd-gateway || true
    grep etcd-gateway etc/group || true
    find etc/systemd var/lib/systemd -name '*etcd-gateway*')
}
