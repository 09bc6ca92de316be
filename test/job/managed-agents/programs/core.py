# A program on the Anthropic SDK, unpatched.
import json

import anthropic
from steps import MODEL, client, idle, say, step, steps, weather


def types(events):
    return [event.type for event in events]


tools = [{"type": "agent_toolset_20260401"}]
agent = client.beta.agents.create(model=MODEL, name="Coder", system="You write code.", tools=tools)
environment = client.beta.environments.create(name="plain")
session = client.beta.sessions.create(agent=agent.id, environment_id=environment.id, title="First")


def quickstart():
    events = idle(session, [say("run: echo hello-$((40+2))")])
    results = [e for e in events if e.type == "agent.tool_result"]
    replies = [e for e in events if e.type == "agent.message"]
    return [types(events), "hello-42" in results[0].content[0].text, replies[-1].content[0].text.startswith("The result is:")]


step("quickstart", quickstart)


def deltas():
    events = idle(session, [say("stream these words to me")], event_deltas=["agent.message"])
    texts, starts = {}, []
    for event in events:
        if event.type == "event_start":
            starts.append(event.event.id)
        if event.type == "event_delta":
            texts[event.event_id] = texts.get(event.event_id, "") + event.delta.content.text
    message = [e for e in events if e.type == "agent.message"][-1]
    return [starts == [message.id], message.content[0].text.startswith(texts[message.id]) and texts[message.id] != ""]


step("deltas", deltas)


def listing():
    listed = list(client.beta.sessions.events.list(session.id, limit=3))
    ids = [event.id for event in listed]
    again = [event.id for event in client.beta.sessions.events.list(session.id, order="desc")]
    only = {event.type for event in client.beta.sessions.events.list(session.id, types=["user.message"])}
    return [len(ids) == len(set(ids)), ids == again[::-1], sorted(only)]


step("listing", listing)


def versions():
    same = client.beta.agents.update(agent.id, name="Coder", version=1)
    second = client.beta.agents.update(agent.id, name="Coder 2", version=1)
    try:
        client.beta.agents.update(agent.id, name="Coder 3", version=1)
        conflict = None
    except anthropic.ConflictError as error:
        conflict = [error.status_code, error.response.headers["x-should-retry"]]
    first = client.beta.agents.retrieve(agent.id, version=1)
    all_versions = [one.version for one in client.beta.agents.versions.list(agent.id)]
    return [same.version, second.version, conflict, first.name, all_versions]


step("versions", versions)


def custom_tool():
    own = client.beta.agents.create(model=MODEL, name="Weather", tools=[weather])
    made = client.beta.sessions.create(agent=own.id, environment_id=environment.id)
    events = idle(made, [say("weather: Oslo")])
    use = [e for e in events if e.type == "agent.custom_tool_use"][0]
    stop = events[-1].stop_reason
    waiting = [stop.type, stop.event_ids == [use.id], use.name, use.input]
    answer = [{"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": [{"type": "text", "text": "rain"}]}]
    rest = idle(made, answer)
    twice = client.beta.sessions.events.send(made.id, events=answer)
    replies = [e for e in rest if e.type == "agent.message"][-1].content[0].text
    return [waiting, types(rest), replies, twice.data[0].type]


step("custom tool", custom_tool)


def picture():
    made = client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}
    message = {"type": "user.message", "content": [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]}
    idle(made, [message])
    [echo] = [e for e in client.beta.sessions.events.list(made.id) if e.type == "user.message"]
    file = client.beta.files.retrieve_metadata(echo.content[0].source.file_id)
    return [[block.type for block in echo.content], file.size_bytes > 60, file.mime_type]


step("picture", picture)


def confirmation():
    asking = [{"type": "agent_toolset_20260401", "configs": [{"name": "bash", "permission_policy": {"type": "always_ask"}}]}]
    careful = client.beta.agents.create(model=MODEL, name="Careful", tools=asking)
    made = client.beta.sessions.create(agent=careful.id, environment_id=environment.id)
    events = idle(made, [say("run: echo allowed-$((1+1))")])
    use = [e for e in events if e.type == "agent.tool_use"][0]
    stop = events[-1].stop_reason
    refused = None
    try:
        client.beta.sessions.events.send(made.id, events=[say("go on")])
    except anthropic.BadRequestError as error:
        refused = error.status_code
    allowed = idle(made, [{"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}])
    result = [e for e in allowed if e.type == "agent.tool_result"][0]
    events = idle(made, [say("run: echo denied")])
    use2 = [e for e in events if e.type == "agent.tool_use"][0]
    denied = idle(made, [{"type": "user.tool_confirmation", "tool_use_id": use2.id, "result": "deny", "deny_message": "not today"}])
    result2 = [e for e in denied if e.type == "agent.tool_result"][0]
    return [
        use.evaluated_permission,
        stop.type,
        refused,
        "allowed-2" in result.content[0].text,
        result2.is_error,
        "not today" in result2.content[0].text,
        types(denied),
    ]


step("confirmation", confirmation)


def outcome():
    made = client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    rubric = {"type": "text", "content": "It rhymes."}
    wish = {"type": "user.define_outcome", "description": "Write a poem", "rubric": rubric, "max_iterations": 2}
    events = idle(made, [wish])
    ends = [e for e in events if e.type == "span.outcome_evaluation_end"]
    starts = [e.id for e in events if e.type == "span.outcome_evaluation_start"]
    shown = client.beta.sessions.retrieve(made.id).outcome_evaluations
    return [
        types(events),
        [[e.iteration, e.result, e.explanation] for e in ends],
        [e.outcome_evaluation_start_id for e in ends] == starts,
        [[o.result, o.iteration, o.description, o.completed_at is not None] for o in shown],
        [o.outcome_id for o in shown] == [ends[0].outcome_id],
    ]


step("outcome", outcome)


def files():
    uploaded = client.beta.files.upload(file=("data.csv", b"a,b\n1,2\n", "text/csv"))
    made = client.beta.sessions.create(
        agent=agent.id,
        environment_id=environment.id,
        resources=[{"type": "file", "file_id": uploaded.id, "mount_path": "/data.csv"}],
    )
    idle(made, [say("run: cp /mnt/session/uploads/data.csv /mnt/session/outputs/copy.csv && ls -l /mnt/session/uploads")])
    listed = list(client.beta.files.list(scope_id=made.id))
    content = client.beta.files.download(listed[0].id).read().decode()
    resources = [one.mount_path for one in client.beta.sessions.resources.list(made.id)]
    added = client.beta.sessions.resources.add(made.id, type="file", file_id=uploaded.id, mount_path="/more/b.csv")
    idle(made, [say("run: cat /mnt/session/uploads/more/b.csv > /mnt/session/outputs/b.txt")])
    more = sorted(one.filename for one in client.beta.files.list(scope_id=made.id))
    same = client.beta.sessions.resources.retrieve(added.id, session_id=made.id).mount_path
    gone = client.beta.sessions.resources.delete(added.id, session_id=made.id).type
    names = [one.filename for one in client.beta.files.list()]
    client.beta.files.delete(uploaded.id)
    return [[one.filename for one in listed], content, resources, "data.csv" in names, listed[0].downloadable, more, same, gone]


step("files", files)


def errors():
    found = []
    for work in [
        lambda: client.beta.sessions.retrieve("sesn_0000000000000000"),
        lambda: client.beta.agents.retrieve("agent_unknown"),
        lambda: client.beta.tunnels.list(),
        lambda: client.beta.sessions.create(agent=agent.id, environment_id="env_none"),
        lambda: client.beta.agents.create(model=MODEL, name=""),
    ]:
        try:
            work()
            found.append("no error")
        except anthropic.APIStatusError as error:
            body = error.body
            same = body["request_id"] == error.response.headers["request-id"]
            found.append([error.status_code, body["error"]["type"], (body["error"].get("details") or {}).get("error_code"), same])
    return found


step("errors", errors)


def ends():
    shown = client.beta.sessions.retrieve(session.id)
    with client.beta.sessions.events.stream(session.id) as stream:
        archived = client.beta.sessions.archive(session.id)
        last = [event.type for event in stream][-1]  # the stream ends by itself
    deleted = client.beta.sessions.delete(session.id)
    hidden = session.id in [one.id for one in client.beta.sessions.list(limit=100)]
    return [shown.status, shown.usage.output_tokens > 0, archived.status, last, deleted.type, hidden]


step("ends", ends)


def rest():
    """The routes that no other step asks."""
    changed = client.beta.environments.update(environment.id, description="Nothing else", metadata={"team": "a"})
    own = client.beta.environments.create(
        name="closed", config={"type": "cloud", "networking": {"type": "limited", "allowed_hosts": []}}
    )
    read = client.beta.environments.retrieve(own.id)
    listed = [one.id for one in client.beta.environments.list(limit=1)]
    archived = client.beta.environments.archive(own.id)
    gone = client.beta.environments.delete(own.id)
    made = client.beta.sessions.create(
        agent={"type": "agent_with_overrides", "id": agent.id, "system": "Be brief.", "tools": []},
        environment_id=environment.id,
    )
    renamed = client.beta.sessions.update(made.id, title="Renamed", metadata={"a": "1"})
    thread = client.beta.sessions.threads.retrieve(f"sthr_{made.id[5:]}", session_id=made.id)
    changes = list(client.beta.sessions.events.list(made.id))
    uploaded = client.beta.files.upload(file=("a.txt", b"a", "text/plain"), expires_in_seconds=3600)
    file = client.beta.files.retrieve_metadata(uploaded.id)
    lasting = (file.expires_at - file.created_at).total_seconds()
    models = [one.id for one in client.models.list(limit=5)]
    model = client.models.retrieve(MODEL)
    ended = client.beta.agents.archive(agent.id)
    hidden = agent.id in [one.id for one in client.beta.agents.list()]
    return [
        [changed.description, changed.metadata, read.config.networking.type, listed[:1] == [own.id] and environment.id in listed],
        [archived.archived_at is not None, gone.type],
        [made.agent.system, made.agent.tools, renamed.title, renamed.metadata, thread.status],
        [[e.type, e.title, e.metadata] for e in changes],
        [file.filename, lasting, len(models) > 0, model.id == MODEL, ended.archived_at is not None, hidden],
    ]


step("rest", rest)
print(json.dumps(steps))
