# A worker on the Anthropic SDK, unpatched, whose sessions have memory stores as folders of its own machine.
import asyncio
import json
import os
import tempfile
import uuid

import anthropic
from steps import MODEL, say, steps

client = anthropic.Anthropic()
stores = client.beta.memory_stores
sessions = client.beta.sessions

agent = client.beta.agents.create(model=MODEL, name="Coder", tools=[{"type": "agent_toolset_20260401"}])
environment = client.beta.environments.create(name="own", config={"type": "self_hosted"})
key = client.post(f"/v1/environments/{environment.id}/keys", body={"name": "sdk"}, cast_to=object)["key"]
word = uuid.uuid4().hex[:8]
notes = stores.create(name=f"Notes {word}").id
rules = stores.create(name=f"Rules {word}").id
stores.memories.create(notes, path="/style.md", content="short")
stores.memories.create(rules, path="/deep/rule.md", content="be kind")


def texts(store):
    return {one.path: one.content for one in stores.memories.list(store, view="full")}


async def until(holds):
    while not (found := await asyncio.to_thread(holds)):
        await asyncio.sleep(0.1)
    return found


async def memory():
    resources = [
        {"type": "memory_store", "memory_store_id": notes},
        {"type": "memory_store", "memory_store_id": rules, "access": "read_only"},
    ]
    session = sessions.create(agent=agent.id, environment_id=environment.id, resources=resources)
    own, shared = [one.mount_path for one in session.resources]
    work = f"cat {own}/style.md {shared}/deep/rule.md; printf long > {own}/style.md; printf new > {own}/new.md"
    sessions.events.send(session.id, events=[say(f"run: {work}; echo; ls -d {own}")])
    with tempfile.TemporaryDirectory() as workdir:
        served = anthropic.AsyncAnthropic().beta.environments.work.worker(
            environment_id=environment.id, environment_key=key, workdir=workdir, max_idle=0.5
        )
        task = asyncio.create_task(served.run())
        await until(lambda: [one for one in client.beta.environments.work.list(environment.id) if one.state == "stopped"])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    events = list(sessions.events.list(session.id))
    lines = [e for e in events if e.type == "user.tool_result"][0].content[0].text.strip().splitlines()
    changes = list(stores.memory_versions.list(notes, session_id=session.id))
    return [
        [lines[0], lines[-1] == own],
        [texts(notes), texts(rules)],
        sorted([one.operation, one.path, one.created_by.type] for one in changes),
        [os.path.exists(own), os.path.exists(shared)],
    ]


async def main():
    had = os.path.exists("/mnt/memory")
    try:
        steps["memory"] = await asyncio.wait_for(memory(), 120)
    except Exception as error:  # the test says what it expects
        steps["memory"] = f"{type(error).__name__}: {error}"
    if not had and os.path.isdir("/mnt/memory"):
        os.rmdir("/mnt/memory")


asyncio.run(main())
print(json.dumps(steps))
