#!/bin/bash
cp "$(dirname "$0")/server.py" .
