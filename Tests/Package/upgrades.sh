# Other versions of the package, and none.

# Writes the package as another version, with another line in its settings file.
make_version() {
    local version=$1 folder
    folder=$(mktemp -d "$work/version.XXXXXX")
    dpkg-deb --raw-extract "$package" "$folder"
    sed -i "s/^Version: .*/Version: $version/" "$folder/DEBIAN/control"
    echo "# version $version" >>"$folder/etc/default/etcd-gateway"
    (cd "$folder" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$folder" "$machine_root/root/$version.deb" >/dev/null
    rm -rf "$folder"
}

test_upgrades() {
    say "upgrade and downgrade under load"
    make_version 9.0.0
    local socket_since pid
    socket_since=$(unit_property etcd-gateway.socket ActiveEnterTimestampMonotonic)
    pid=$(unit_property etcd-gateway.service MainPID)
    start_load
    start_keeping
    build_streams
    start_watching
    start_streams sessions=1000 rate=20000
    check "upgrade" install_package 9.0.0.deb
    check "another process serves" serves_as_other_than "$pid"
    put_watched
    check "settings nobody changed are the new ones" contains "$(in_machine cat "$settings_file")" '# version 9.0.0'
    check "the instance runs" unit_is etcd-gateway@23791.service ActiveState active
    pid=$(unit_property etcd-gateway.service MainPID)
    check "downgrade" install_package now.deb
    check "another process serves" serves_as_other_than "$pid"
    put_watched
    check "the same version again" install_package now.deb --reinstall
    put_watched
    stop_keeping
    stop_load
    stop_streams
    check "no session has ended" nobody_was_cut_off
    check "nobody was refused" nobody_was_refused
    check "no byte and no session of the streams was lost" streams_lost_nothing
    stop_watching
    remove_streams
    check "the socket has been open all the time" \
        is "$(unit_property etcd-gateway.socket ActiveEnterTimestampMonotonic)" "$socket_since"

    say "upgrade with settings that somebody changed"
    sh_in_machine "echo ETCD_GATEWAY_LOG_LEVEL=debug >>$settings_file"
    check "upgrade" install_package 9.0.0.deb
    check "they stay" contains "$(in_machine cat "$settings_file")" ETCD_GATEWAY_LOG_LEVEL=debug
    check "the new ones lie beside them" contains "$(in_machine cat "$settings_file.dpkg-dist")" '# version 9.0.0'
    check "get" gets greeting hello
    check "a disabled service is not started by an upgrade" disabled_stays_disabled
}

disabled_stays_disabled() {
    in_machine systemctl disable --now etcd-gateway.service etcd-gateway.socket 2>/dev/null
    install_package now.deb >/dev/null 2>&1 || return 1
    unit_is etcd-gateway.service UnitFileState disabled && unit_is etcd-gateway.socket UnitFileState disabled || return 1
    in_machine systemctl enable --now etcd-gateway.socket etcd-gateway.service 2>/dev/null
}

test_removal() {
    say "removed, installed again, purged"
    check "remove" in_machine apt-get remove -y etcd-gateway
    check "the ports are closed" is "$(in_machine ss -Hltn 'sport >= :23790 and sport <= :23799')" ''
    check "no process is left" is "$(in_machine pgrep -x etcd-gateway || true)" ''
    check "settings stay" in_machine test -e "$settings_file"
    check "install again" install_package now.deb
    within 10 "get, with the settings of before" gets greeting hello
    check "the settings of before" contains "$(in_machine cat "$settings_file")" ETCD_GATEWAY_LOG_LEVEL=debug
    check "purge" in_machine apt-get purge -y etcd-gateway
    sh_in_machine 'systemctl stop etcd.service other-etcd.service' 2>/dev/null
    check "nothing has failed" is "$(in_machine systemctl --failed --plain --no-legend)" ''
    list_files >"$work/files-after"
    check "nothing is left" diff "$state_of_files" "$work/files-after"
}
