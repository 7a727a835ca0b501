# Clients that never rest, inside the machine.

start_load() {
    install -m 644 Tests/Package/load.pl "$machine_root/root/load.pl"
    in_machine systemd-run --quiet --collect --unit=load --property=StandardOutput=file:/root/load.result \
        perl /root/load.pl "${1:-23790}"
    sleep 1 # some seconds of the ordinary, to compare with
}

# Ends them, and sets how many connections were answered, refused, and ended otherwise.
stop_load() {
    in_machine systemctl stop load.service
    read -r answered refused ended <"$machine_root/root/load.result"
    rm "$machine_root/root/load.result"
    printf '    load:   %s answered, %s refused, %s ended otherwise\n' "$answered" "$refused" "$ended"
}

nobody_was_refused() {
    ((answered > 100)) || { echo "only $answered were answered: that was no load"; return 1; }
    ((refused == 0)) || { echo "$refused were refused"; return 1; }
}
