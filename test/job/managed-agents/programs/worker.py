# Workers on the Anthropic SDK, unpatched. One has memory stores as folders of its own machine.
import asyncio
import json
import os
import tempfile
import uuid

import anthropic
from steps import MODEL, client, say, step, steps

stores = client.beta.memory_stores
operator = client.beta.environments.work
agent = client.beta.agents.create(model=MODEL, name="Coder", tools=[{"type": "agent_toolset_20260401"}])
environment = client.beta.environments.create(name="own", config={"type": "self_hosted"})
# The SDK has no call for this: the hosted service makes keys in its console.
key = client.post(f"/v1/environments/{environment.id}/keys", body={"name": "sdk"}, cast_to=object)["key"]


def begin(**more):
    return client.beta.sessions.create(agent=agent.id, environment_id=environment.id, **more)


async def served(session):
    """Serves the queue until the session's work has stopped; returns the session's events."""

    def stopped():
        return [one for one in operator.list(environment.id) if one.data.id == session.id and one.state == "stopped"]

    with tempfile.TemporaryDirectory() as workdir:
        worker = anthropic.AsyncAnthropic().beta.environments.work.worker(
            environment_id=environment.id, environment_key=key, workdir=workdir, max_idle=0.5
        )
        task = asyncio.create_task(worker.run())
        while not await asyncio.to_thread(stopped):
            await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return list(client.beta.sessions.events.list(session.id))


def outputs(events):
    return [event.content[0].text.strip() for event in events if event.type == "user.tool_result"]


def worker():
    events = asyncio.run(served(begin(initial_events=[say("run: echo of the SDK")])))
    return [events[-1].stop_reason.type, outputs(events)[0]]


def memory():
    word = uuid.uuid4().hex[:8]
    notes, rules = [stores.create(name=f"{name} {word}").id for name in ("Notes", "Rules")]
    stores.memories.create(notes, path="/style.md", content="short")
    stores.memories.create(rules, path="/deep/rule.md", content="be kind")
    texts = lambda store: {one.path: one.content for one in stores.memories.list(store, view="full")}
    mounted = [
        {"type": "memory_store", "memory_store_id": notes},
        {"type": "memory_store", "memory_store_id": rules, "access": "read_only"},
    ]
    session = begin(resources=mounted)
    own, shared = [one.mount_path for one in session.resources]
    work = f"cat {own}/style.md {shared}/deep/rule.md; printf long > {own}/style.md; printf new > {own}/new.md"
    client.beta.sessions.events.send(session.id, events=[say(f"run: {work}; echo; ls -d {own}")])
    had = os.path.exists("/mnt/memory")
    events = asyncio.run(asyncio.wait_for(served(session), 120))
    left = [os.path.exists(own), os.path.exists(shared)]
    if not had and os.path.isdir("/mnt/memory"):
        os.rmdir("/mnt/memory")
    lines = outputs(events)[0].splitlines()
    changes = list(stores.memory_versions.list(notes, session_id=session.id))
    return [
        [lines[0], lines[-1] == own],
        [texts(notes), texts(rules)],
        sorted([one.operation, one.path, one.created_by.type] for one in changes),
        left,
    ]


def queue():
    work = anthropic.Anthropic(api_key=key).beta.environments.work
    session = begin(initial_events=[say("run: true")])
    item = work.poll(environment.id, block_ms=500)
    at = {"environment_id": environment.id}
    starting = work.ack(item.id, **at)
    first = work.heartbeat(item.id, **at, expected_last_heartbeat="NO_HEARTBEAT", desired_ttl_seconds=30)
    second = work.heartbeat(item.id, **at, expected_last_heartbeat=first.last_heartbeat)
    mismatch = None
    try:
        work.heartbeat(item.id, **at, expected_last_heartbeat=first.last_heartbeat)
    except anthropic.PreconditionFailedError as error:
        mismatch = [error.status_code, error.body["error"]["details"]["error_code"]]
    noted = operator.update(item.id, **at, metadata={"team": "a"})
    stats = operator.stats(environment.id)
    stopping = operator.stop(item.id, **at)
    stopped = work.stop(item.id, **at, force=True)
    again = None
    try:
        work.stop(item.id, **at)
    except anthropic.ConflictError as error:
        again = error.status_code
    found = operator.retrieve(item.id, **at)
    assert item.data.id == session.id and item.secret and found.secret is None
    assert noted.metadata == {"team": "a"} and stats.pending == 0 and second.lease_extended
    return [[starting.state, first.state, first.ttl_seconds == 30], [stopping.state, stopped.state], mismatch, again]


for work in (worker, memory, queue):
    step(work.__name__, work)
print(json.dumps(steps))
