#!/bin/bash
grep -rlw get_user --include='*.py' --include='*.md' --include='*.json' . | grep -v CHANGELOG.md | xargs sed -i 's/\bget_user\b/load_account/g'
