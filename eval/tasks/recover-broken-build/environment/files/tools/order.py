import json
import sys
import orderedlist

with open(sys.argv[1] + '/parts.json') as f:
    print(' '.join(orderedlist.ordered(json.load(f))))
