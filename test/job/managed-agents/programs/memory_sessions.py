# A program on the Anthropic SDK, unpatched, whose sessions have memory stores as folders of their sandboxes.
import json

from steps import MODEL, client, idle, refused, say, step, steps

sessions = client.beta.sessions
stores = client.beta.memory_stores
tools = [{"type": "agent_toolset_20260401"}]
agent = client.beta.agents.create(model=MODEL, name="Coder", tools=tools)
environment = client.beta.environments.create(name="plain")


def mounted(store, **more):
    return {"type": "memory_store", "memory_store_id": store, **more}


def begin(*resources, by=agent):
    return sessions.create(agent=by.id, environment_id=environment.id, resources=list(resources))


def run(session, text):
    """What the agent says once the session rests again."""
    replies = [event.content[0].text.strip() for event in idle(session, [say(text)]) if event.type == "agent.message"]
    return replies[-1].removeprefix("The result is:").strip()


def texts(store):
    return {one.path: one.content for one in stores.memories.list(store, view="full")}


def written(store, session):
    versions = list(stores.memory_versions.list(store, session_id=session.id))
    assert all(one.created_by.type == "session_actor" and one.created_by.session_id == session.id for one in versions)
    return sorted([one.operation, one.path] for one in versions)


store = stores.create(name="User Preferences", description="What Alice likes.").id
stores.memories.create(store, path="/style.md", content="short")
stores.memories.create(store, path="/old/gone.md", content="old")
at = "/mnt/memory/user-preferences"


def shared():
    first = begin(mounted(store, instructions="Read it first."))
    resource = first.resources[0]
    second = begin(mounted(store, access="read_write"))
    found = run(first, f"run: cat {at}/style.md {at}/old/gone.md")
    run(first, f"run: cd {at} && printf long > style.md && mkdir -p deep/er && printf new > deep/er/new.md && rm -r old")
    read = run(second, f"run: cd {at} && cat style.md deep/er/new.md; ls")
    run(second, f"run: printf ' of both' >> {at}/style.md")
    return [
        [resource.type, resource.memory_store_id == store, resource.access, resource.instructions],
        [resource.name, resource.description, resource.mount_path],
        [one.memory_store_id == store for one in sessions.resources.list(first.id)],
        sessions.resources.retrieve(store, session_id=first.id).mount_path,
        {one.id for one in sessions.list(memory_store_id=store)} == {first.id, second.id},
        [found, read.split()],
        [written(store, first), written(store, second)],
        texts(store),
        run(first, f"run: cat {at}/style.md"),
    ]


step("shared", shared)


def read_only():
    session = begin(mounted(store, access="read_only"))
    output = run(session, f"run: rm -f {at}/style.md; printf mine > {at}/style.md; printf own > {at}/own.md")
    return [
        [line.replace(at, "") for line in output.splitlines() if "not kept" in line],
        run(session, f"run: cat {at}/style.md; echo; cat /mnt/memory/.unkept/user-preferences/style.md").split("\n"),
        sorted(texts(store)),
        written(store, session),
    ]


step("read_only", read_only)


def hostile():
    own = stores.create(name="Hostile").id
    session = begin(mounted(own))
    run(session, "run: cd /mnt/memory/hostile && ln -s /etc/passwd link.md && ln -s /etc folder && mkfifo pipe && echo ok > ok.md")
    big = run(session, "run: cd /mnt/memory/hostile && head -c 102401 /dev/zero | tr '\\0' x > big.md && printf '\\377' > bytes && printf x > $'a\\nb'")
    many = run(session, "run: cd /mnt/memory/hostile && mkdir many && cd many && for n in $(seq 30); do echo $n > $n.md; done")
    wiped = run(session, "run: rm -r /mnt/memory/hostile/many")
    return [
        sorted(line.split(" is not kept")[0].split("/")[-1] for line in big.splitlines() if "not kept" in line),
        ["not kept" in many, "not kept" in wiped, sorted(texts(own))],
        len([one for one in stores.memory_versions.list(own, operation="deleted", limit=100)]),
    ]


step("hostile", hostile)


def thread():
    own = stores.create(name="Team").id
    runner = client.beta.agents.create(model=MODEL, name="Runner", tools=tools)
    roster = {"type": "coordinator", "agents": [runner.id]}
    lead = client.beta.agents.create(model=MODEL, name="Lead", tools=tools, multiagent=roster)
    session = begin(mounted(own), by=lead)
    run(session, "ask Runner: run: echo found > /mnt/memory/team/thread.md")
    return [written(own, session), run(session, "run: cat /mnt/memory/team/thread.md")]


step("thread", thread)


def ended():
    names = {name: stores.create(name=name).id for name in ("Archived", "Deleted")}
    session = begin(*(mounted(id) for id in names.values()))
    stores.archive(names["Archived"])
    stores.delete(names["Deleted"])
    output = run(session, "run: echo x > /mnt/memory/archived/x.md; echo x > /mnt/memory/deleted/x.md")
    return [
        sorted(line for line in output.splitlines() if "not kept" in line),
        refused(lambda: begin(mounted(names["Archived"]))),
        refused(lambda: begin(mounted(names["Deleted"]))),
    ]


step("ended", ended)


def errors():
    session = begin(mounted(store))
    return [
        refused(lambda: begin(mounted("memstore_ffffffffffffffffffffffff"))),
        refused(lambda: begin(mounted(store, access="write"))),
        refused(lambda: begin(mounted(store, instructions="x" * 4097))),
        refused(lambda: begin(mounted(store, mount_path="/etc"))),
        # The SDK has no call for this: it adds files alone.
        refused(lambda: client.post(f"/v1/sessions/{session.id}/resources", body=mounted(store), cast_to=object)),
        refused(lambda: sessions.resources.delete(store, session_id=session.id)),
    ]


step("errors", errors)


def deployment():
    made = client.beta.deployments.create(
        name="Daily", agent=agent.id, environment_id=environment.id, initial_events=[say("hello")], resources=[mounted(store)]
    )
    session = sessions.retrieve(client.beta.deployment_runs.retrieve(client.beta.deployments.run(made.id).id).session_id)
    return [made.resources[0].memory_store_id == store, session.resources[0].mount_path]


step("deployment", deployment)
print(json.dumps(steps))
