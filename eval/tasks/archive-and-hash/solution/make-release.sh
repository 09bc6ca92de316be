#!/bin/bash
set -euo pipefail
export LC_ALL=C
list=$(mktemp) && trap 'rm -f "$list"' EXIT
(cd project && find . \( -name tmp -o -name .cache \) -prune -o -type f ! -name '*.log' -printf '%P\n' | sort) > "$list"
tar -C project --transform 's,^,release/,' --owner=0 --group=0 --numeric-owner --mtime=2025-01-01T00:00:00Z --format=ustar \
  -cf - -T "$list" | gzip -n > release.tar.gz
while IFS= read -r file; do
  printf '%s  release/%s\n' "$(sha256sum < "project/$file" | cut -d' ' -f1)" "$file"
done < "$list" > SHA256SUMS
