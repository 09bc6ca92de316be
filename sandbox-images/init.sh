#!/bin/sh
# Pid 1 of a sandbox, called as `init.sh NODE DAEMON`: starts the daemon again whenever it dies, reaps every orphan (as
# any shell does while it waits), and ends on TERM, with which the kernel ends whatever is left in the sandbox.
export CORRAL_INIT_PID=$$
# No more than this, also where whoever starts containers sets no limits of its own.
ulimit -c 0 2>/dev/null
ulimit -n 4096 2>/dev/null
# No file larger than all files together may be: that much the kernel does by itself. Bash counts in other blocks.
if [ "${CORRAL_DISK_BYTES:-0}" -ge 134217728 ]; then
  ulimit -f $((CORRAL_DISK_BYTES / ${BASH_VERSION:+2 *} 512)) 2>/dev/null
fi
# A copy of the program loader that the sandbox's user can execute and not read. The kernel lets that user look into
# nothing that was started through it: no memory, environment or open files, and no tracing. Where it does not work
# (gVisor), everything is started without.
if [ -z "$CORRAL_SEAL" ] && /opt/corral/sealed /bin/sh -c : 2>/dev/null; then
  export CORRAL_SEAL=/opt/corral/sealed
  exec "$CORRAL_SEAL" /bin/sh "$0" "$@"
fi
# The image knows one user by name. A sandbox that is another one gets an entry of its own.
if ! id -un >/dev/null 2>&1 && mkdir -p -m 0700 /run/corral-state 2>/dev/null; then
  echo "agent:x:$(id -u):$(id -g)::$HOME:/bin/bash" >/run/corral-state/passwd
  echo "agent:x:$(id -g):" >/run/corral-state/group
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
# The server puts the daemon's token there and takes it away before anything of the user's can run. Kept here alone.
token=
tries=0
while [ -n "$CORRAL_TOKEN_FILE" ] && ! { IFS= read -r token <"$CORRAL_TOKEN_FILE"; } 2>/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -gt 600 ] && exit 78
  sleep 0.05 &
  wait $!
done
while :; do
  # A daemon that only passes bytes on needs no large young generation: output of any length then costs under 20 MB.
  # By USR1 anybody with its user could start Node's debugger in it.
  printf '%s\n' "$token" | $CORRAL_SEAL "$node" --max-semi-space-size=1 --disable-sigusr1 "$@" &
  daemon=$!
  # A signal can end the waiting before the daemon has ended.
  while kill -0 "$daemon" 2>/dev/null; do
    wait "$daemon"
    code=$?
  done
  [ "$code" -eq 78 ] && exit 78 # it cannot run as it is set up, and would not the next time either
  sleep 0.2 &
  wait $!
done
