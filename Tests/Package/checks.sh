# What tests say, and how they end: every check is told, and one that fails does not keep the others from running.

declare -i checks_made=0
failed_checks=()

say() { printf '==> %s\n' "$*"; }

fail() {
    printf 'test-package: %s\n' "$*" >&2
    exit 1
}

# check WHAT COMMAND...
check() {
    local what=$1 output
    shift
    checks_made+=1
    if output=$("$@" 2>&1); then
        printf '    ok      %s\n' "$what"
    else
        printf '    FAILED  %s\n' "$what"
        [[ -z $output ]] || tail -n 5 <<<"$output" | sed 's/^/            /'
        failed_checks+=("$what")
        return 1
    fi
}

# The same for what becomes true within so many seconds: within SECONDS WHAT COMMAND...
within() {
    local limit=$1 what=$2
    shift 2
    check "$what" holds_within "$limit" "$@"
}

holds_within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)); then "$@" && return; return 1; fi
        sleep 0.1
    done
}

# is ACTUAL EXPECTED
is() { [[ $1 == "$2" ]] || { echo "it is '$1', not '$2'"; return 1; }; }

# contains TEXT PART
contains() { [[ $1 == *"$2"* ]] || { echo "'$2' is not in: ${1:0:600}"; return 1; }; }

lacks() { [[ $1 != *"$2"* ]] || { echo "'$2' is in it"; return 1; }; }

report() {
    echo
    if ((${#failed_checks[@]} == 0)); then
        say "all $checks_made checks hold"
    else
        say "${#failed_checks[@]} of $checks_made checks failed:"
        printf '    %s\n' "${failed_checks[@]}"
        return 1
    fi
}
