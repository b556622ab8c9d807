# Services of a host kept by loops of the shell:   sh -s start|stop|running FOLDER SERVICE...
#
# FOLDER/SERVICE.sh is a loop that starts a service again whenever it ends. It runs in a session of
# its own; FOLDER/SERVICE.lock is locked as long as it runs, and says the number of that session.

start() { # unless it runs; only the loop holds the lock (-o), not what it starts
    setsid --fork flock -n -o "$1.lock" sh "$1.sh" >>"logs/$1.log" 2>&1 </dev/null || exit 1
}

running() {
    if [ -e "$1.lock" ] && ! flock -n "$1.lock" true; then echo "$1"; fi
}

# The lock tells a service that runs from a number that another process has by now; the session has
# all its processes, whichever groups they made. They have 16 s to end, then they are killed.
stop() {
    if [ -n "$(running "$1")" ]; then
        session=$(cat "$1.lock")
        for try in $(seq 100); do
            processes=$(ps -o pid= -s "$session")
            [ -n "$processes" ] || break
            case $try in
            1) kill -s TERM $processes ;;
            [89]? | 100) kill -s KILL $processes ;;
            esac 2>/dev/null
            sleep 0.2
        done
    fi
    rm -f "$1.lock"
}

action=$1 folder=$2
shift 2
if ! cd "$folder"; then
    [ "$action" != start ] # where nothing was ever started nothing runs, and all is stopped
    exit
fi
for service; do
    "$action" "$service"
done
