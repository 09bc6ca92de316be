# A program on the Anthropic SDK, unpatched, that hears of its sessions by webhooks. It verifies them as webhooks.mjs does.
import base64
import http.server
import json
import os
import threading
import urllib.request

import anthropic
from steps import MODEL, say

client = anthropic.Anthropic()
heard = []
both = threading.Event()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.send_response(204)
        self.end_headers()
        heard.append((body, {name.lower(): value for name, value in self.headers.items()}))
        if len(heard) == 2:
            both.set()

    def log_message(self, *_):
        pass


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
wish = {
    "name": "program",
    "url": f"http://127.0.0.1:{receiver.server_port}/",
    "format": "managed-agents",
    "events": ["run.started", "run.ended"],
}
headers = {"authorization": f"Bearer {os.environ['ANTHROPIC_API_KEY']}", "content-type": "application/json"}
request = urllib.request.Request(f"{os.environ['CORRAL_URL']}/api/v1/webhooks", json.dumps(wish).encode(), headers)
key = json.load(urllib.request.urlopen(request))["secret"]
agent = client.beta.agents.create(model=MODEL, name="Coder")
environment = client.beta.environments.create(name="plain")
session = client.beta.sessions.create(agent=agent.id, environment_id=environment.id, initial_events=[say("Hello.")])
both.wait()

events = [client.beta.webhooks.unwrap(body, headers=shown, key=key) for body, shown in heard]
body, shown = heard[0]


def refused(text, given=shown, secret=key):
    try:
        client.beta.webhooks.unwrap(text, headers=given, key=secret)
        return False
    except Exception:
        return True


fields = {",".join([*json.loads(body), *json.loads(body)["data"]]) for body, _ in heard}
steps = {
    "types": sorted(event.data.type for event in events),
    "about": all(event.type == "event" and event.data.id == session.id for event in events),
    "fields": sorted(fields),
    "ids": all(given["webhook-id"] == event.id for event, (_, given) in zip(events, heard)),
    "refused": [
        refused(body.replace(session.id, "sesn_0000000000000000")),
        refused(body, {**shown, "webhook-timestamp": "1700000000"}),
        refused(body, shown, f"whsec_{base64.b64encode(bytes(32)).decode()}"),
    ],
}
print(json.dumps(steps))
