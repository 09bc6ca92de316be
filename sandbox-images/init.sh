#!/bin/sh
# Pid 1 of a sandbox, called as `init.sh NODE DAEMON`: starts the daemon again whenever it dies, reaps every orphan (as
# any shell does while it waits), and ends on TERM, with which the kernel ends whatever is left in the sandbox.
export CORRAL_INIT_PID=$$
# No more than this, also where whoever starts containers sets no limits of its own.
ulimit -c 0 2>/dev/null
ulimit -n 4096 2>/dev/null
node=$1
shift
daemon=
code=0
stop() {
  trap '' TERM INT
  kill -TERM "$daemon" 2>/dev/null
  exit 0
}
trap stop TERM INT
while :; do
  # A daemon that only passes bytes on needs no large young generation: output of any length then costs under 20 MB.
  "$node" --max-semi-space-size=1 "$@" &
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
