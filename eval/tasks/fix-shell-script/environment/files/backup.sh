#!/bin/bash
# Copies the settings below FROM to TO.
FROM=$1
TO=$2
n=0
for f in $(cd $FROM && find . -name *.conf); do
  mkdir -p $TO/$(dirname $f)
  cp $FROM/$f $TO/$f
  n=$(($n + 1))
done
echo "copied $(ls -R $TO | grep -c conf) files"
