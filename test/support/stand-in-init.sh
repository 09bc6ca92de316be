#!/bin/sh
# Stands in for sandbox-images/init.sh: starts the daemon again when it dies, and ends on TERM.
trap 'kill "$child" 2>/dev/null; exit 0' TERM
while :; do
  "${CORRAL_NODE:-node}" "${CORRAL_SANDBOXD:-/opt/corral/sandboxd.mjs}" &
  child=$!
  wait "$child"
  sleep 0.2
done
