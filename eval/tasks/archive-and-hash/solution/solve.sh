#!/bin/bash
cat "$(dirname "$0")/make-release.sh" > make-release.sh && bash make-release.sh
