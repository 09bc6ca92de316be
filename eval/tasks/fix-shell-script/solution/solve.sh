#!/bin/bash
cat "$(dirname "$0")/backup.sh" > backup.sh
