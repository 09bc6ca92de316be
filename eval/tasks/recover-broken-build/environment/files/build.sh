#!/bin/bash
set -euo pipefail
cd "$(dirname "$0")"
parts=$(python tools/order.py src)
for part in $parts; do
  cat "src/$part.txt" >> dist/app.txt
done
sum=$(sha256sum dist/app.txt | cut -d' ' -f1)
echo "checksum $sum" >> dist/app.txt
