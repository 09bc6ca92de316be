#!/bin/bash
# Pid 1 of a sandbox: starts the daemon given as arguments again whenever it dies, reaps every orphan (bash, as any
# shell, collects children it never started when it waits), passes TERM on, and then ends with all that is left.
export CORRAL_INIT_PID=$$
daemon=
stop() {
  trap '' TERM INT
  kill -TERM "$daemon" 2>/dev/null
  exit 0 # where this is pid 1, the kernel ends the rest of the sandbox with it
}
trap stop TERM INT
while :; do
  "$@" &
  daemon=$!
  # An orphan's end does not end this wait: only the daemon's own does.
  while kill -0 "$daemon" 2>/dev/null; do wait "$daemon"; code=$?; done
  [ "$code" = 78 ] && exit 78 # it cannot run as it is set up; starting it again would not help
  sleep 0.2 &
  wait $!
done
