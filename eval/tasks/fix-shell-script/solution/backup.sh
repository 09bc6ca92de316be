#!/bin/bash
# Copies the settings below FROM to TO.
set -euo pipefail
if [ $# -ne 2 ] || [ ! -d "$1" ]; then
  echo "usage: backup.sh FROM TO, and FROM must be a folder" >&2
  exit 2
fi
from=$(cd -- "$1" && pwd)
mkdir -p -- "$2"
to=$(cd -- "$2" && pwd)
n=0
while IFS= read -r -d '' file; do
  mkdir -p -- "$to/$(dirname -- "$file")"
  cp -- "$from/$file" "$to/$file"
  n=$((n + 1))
done < <(cd -- "$from" && find . -type f -name '*.conf' -print0)
echo "copied $n files"
