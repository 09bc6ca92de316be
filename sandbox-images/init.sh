#!/bin/sh
# Pid 1 of a sandbox, called as `init.sh NODE DAEMON`. Restarts the daemon whenever it dies and reaps every orphan, as any
# shell does while it waits. Exits on TERM, after which the kernel kills every process left in the sandbox.
export CORRAL_INIT_PID=$$
umask 022
# Set if there is no bounded place for the output.
[ -n "$CORRAL_QUIET" ] && exec >/dev/null 2>&1
# These limits apply even if the engine that starts containers sets none.
ulimit -c 0 2>/dev/null
ulimit -n 4096 2>/dev/null
# No single file can exceed the limit for all files; the kernel enforces that. Bash counts in other blocks.
if [ "${CORRAL_DISK_BYTES:-0}" -ge 134217728 ]; then
  ulimit -f $((CORRAL_DISK_BYTES / ${BASH_VERSION:+2 *} 512)) 2>/dev/null
fi
# A copy of the program loader that the sandbox's user can execute but not read. The kernel then hides every process started
# through it from that user: memory, environment and open files are unreadable, and tracing is refused. If the copy does not
# work (gVisor), programs start without it. A server that has tried the copy sets the variable.
if [ -z "$CORRAL_SEAL" ] && /opt/corral/sealed /bin/sh -c : 2>/dev/null; then
  export CORRAL_SEAL=/opt/corral/sealed
  exec "$CORRAL_SEAL" /bin/sh "$0" "$@"
fi
# The image names one user. A sandbox that runs as another user id gets its own entry. The shell reads the ids itself, because
# each helper program would add milliseconds to the start.
uid= gid=
while read -r name real _; do
  [ "$name" = Uid: ] && uid=$real
  [ "$name" = Gid: ] && gid=$real && break
done </proc/self/status
named=
while IFS=: read -r _ _ id _; do
  [ "$id" = "$uid" ] && named=1 && break
done </etc/passwd
if [ -z "$named" ] && mkdir -p -m 0700 /run/corral-state 2>/dev/null; then
  home=${CORRAL_WORKSPACE_ALIAS:-$HOME}
  [ "$gid" = 0 ] && gid=$uid # the lookup ignores entries of system groups
  echo "user:x:$uid:$gid::$home:/bin/bash" >/run/corral-state/passwd
  echo "user:x:$gid:" >/run/corral-state/group
fi
node=$(command -v "$1")
shift
daemon=
code=0
stop() {
  trap '' TERM INT
  kill -TERM "$daemon" 2>/dev/null
  exit 0
}
trap stop TERM INT
# The server puts the daemon's token there and removes it before any of the user's code can run. Only this shell keeps it.
token=
tries=0
while [ -n "$CORRAL_TOKEN_FILE" ] && ! { IFS= read -r token <"$CORRAL_TOKEN_FILE"; } 2>/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -gt 600 ] && exit 78
  sleep 0.05 &
  wait $!
done
# With this variable Node loads its whole HTTP client at startup (60 ms, 17 MB), which the daemon never uses. The daemon
# passes it on to programs.
if [ -n "$NODE_USE_ENV_PROXY" ]; then
  export CORRAL_NODE_USE_ENV_PROXY="$NODE_USE_ENV_PROXY"
  unset NODE_USE_ENV_PROXY
fi
while :; do
  # A daemon that only relays bytes needs no large young generation: output of any length then costs under 20 MB.
  # Any process of the daemon's user could otherwise start Node's debugger in it with USR1.
  printf '%s\n' "$token" | $CORRAL_SEAL "$node" --v8-pool-size=1 --max-semi-space-size=1 --disable-sigusr1 "$@" &
  daemon=$!
  # A signal can interrupt `wait` before the daemon has exited.
  while kill -0 "$daemon" 2>/dev/null; do
    wait "$daemon"
    code=$?
  done
  [ "$code" -eq 78 ] && exit 78 # 78: the daemon cannot run with this configuration, and a restart would not change that
  sleep 0.2 &
  wait $!
done
