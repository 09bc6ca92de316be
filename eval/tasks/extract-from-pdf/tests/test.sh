#!/bin/bash
# Harbor looks for the reward in /logs/verifier. VERIFIER_DIR names another folder where nobody is root.
python3 "$(dirname "$0")/check.py" && reward=1 || reward=0
echo "$reward" > "${VERIFIER_DIR:-/logs/verifier}/reward.txt"
