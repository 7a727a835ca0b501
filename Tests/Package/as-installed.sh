# The tests that Debian's own test runner runs (debian/tests), here.

test_as_installed() {
    say "debian/tests"
    mkdir -p "$machine_root/root/tests"
    cp debian/tests/* "$machine_root/root/tests/"
    local name
    while read -r -d ' ' name; do
        check "$name" in_machine "/root/tests/$name"
    done <<<"$(sed -n 's/^Tests: //p' debian/tests/control) "
    check "get, as before" etcdctl put greeting hello
}
