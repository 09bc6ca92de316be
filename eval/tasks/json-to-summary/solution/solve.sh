#!/bin/bash
node "$(dirname "$0")/summary.mjs"
