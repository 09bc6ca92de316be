# A worker on the Anthropic SDK, unpatched: the base URL and the key come from the environment.
import asyncio
import json
import tempfile

import anthropic
from steps import MODEL, say, steps

client = anthropic.Anthropic()


tools = [{"type": "agent_toolset_20260401"}]
agent = client.beta.agents.create(model=MODEL, name="Coder", tools=tools)
environment = client.beta.environments.create(name="own", config={"type": "self_hosted"})
# The SDK has no call for this: the hosted service makes keys in its console.
made = client.post(f"/v1/environments/{environment.id}/keys", body={"name": "sdk"}, cast_to=object)
key = made["key"]


def begin(text):
    return client.beta.sessions.create(agent=agent.id, environment_id=environment.id, initial_events=[say(text)])


async def until(holds):
    while not (found := await asyncio.to_thread(holds)):
        await asyncio.sleep(0.1)
    return found


async def worker():
    session = begin("run: echo of the SDK")
    with tempfile.TemporaryDirectory() as workdir:
        served = anthropic.AsyncAnthropic().beta.environments.work.worker(
            environment_id=environment.id, environment_key=key, workdir=workdir, max_idle=0.5
        )
        task = asyncio.create_task(served.run())
        work = client.beta.environments.work
        stopped = lambda: [one for one in work.list(environment.id) if one.state == "stopped"]
        await until(stopped)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    events = list(client.beta.sessions.events.list(session.id))
    result = [e for e in events if e.type == "user.tool_result"][0]
    return [events[-1].stop_reason.type, result.content[0].text.strip(), stopped()[0].state]


def queue():
    own = anthropic.Anthropic(api_key=key)
    work = own.beta.environments.work
    session = begin("run: true")
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
    operator = client.beta.environments.work
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


steps["worker"] = asyncio.run(worker())
steps["queue"] = queue()
print(json.dumps(steps))
