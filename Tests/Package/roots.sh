# Debian roots, made once by debootstrap and kept as archives: a bare one without any init, and a machine with systemd, a
# real etcd and a name server from the archive. What the package needs lies in apt's cache there: the tests have no network.

readonly roots=$work/roots
readonly machine_packages=(
    systemd systemd-sysv dbus iproute2 procps etcd-server etcd-client dnsmasq-base bash-completion
)
readonly needed_by_package=(libc-ares2)

# Changes whenever the archives must be made anew.
roots_stamp() {
    printf '%s\n' "$(dpkg --print-architecture)" "${machine_packages[@]}" "${needed_by_package[@]}"
}

have_roots() { [[ -e $work/stamp && $(<"$work/stamp") == "$(roots_stamp)" ]]; }

make_roots() {
    if have_roots; then return; fi
    say "making Debian roots with debootstrap"
    rm -rf "$work"
    mkdir -p "$roots"
    debootstrap --variant=minbase bookworm "$roots/bare" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
        >"$work/debootstrap.log" 2>&1 || fail "debootstrap failed: see $work/debootstrap.log"
    apt_in_root bare update
    apt_in_root bare install -y --download-only "${needed_by_package[@]}"
    tar --create --file="$work/bare.tar" --directory="$roots/bare" .
    mv "$roots/bare" "$roots/machine"
    apt_in_root machine install -y --no-install-recommends "${machine_packages[@]}"
    apt_in_root machine install -y --download-only "${needed_by_package[@]}"
    # It would be there before the gateway; some tests want to see it come.
    chroot "$roots/machine" systemctl disable etcd.service >/dev/null 2>&1
    tar --create --file="$work/machine.tar" --directory="$roots/machine" .
    rm -rf "$roots/machine"
    roots_stamp >"$work/stamp"
}

apt_in_root() {
    local root=$roots/$1
    shift
    cp --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive apt-get -qq \
        -o APT::Keep-Downloaded-Packages=true "$@" >>"$work/apt.log" 2>&1 ||
        fail "apt-get $* failed in a root: see $work/apt.log"
}

# A root of its own, from the archive of this kind. Prints where it is.
fresh_root() {
    local root
    mkdir -p "$roots"
    root=$(mktemp -d "$roots/$1.XXXXXX")
    chmod 755 "$root"
    tar --extract --file="$work/$1.tar" --directory="$root"
    echo "$root"
}
