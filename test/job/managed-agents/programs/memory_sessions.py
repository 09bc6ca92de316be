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
