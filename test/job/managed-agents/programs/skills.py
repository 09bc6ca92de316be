# A program on the Anthropic SDK, unpatched, that uploads skills and gives them to an agent.
import io
import json
import pathlib
import tempfile
import zipfile

from anthropic.lib import files_from_dir
from steps import MODEL, client, idle, refused, say, step, steps

skills = client.beta.skills


def folder(name, text, scripts=()):
    """The files of a skill, as the SDK reads them from a folder."""
    with tempfile.TemporaryDirectory() as place:
        top = pathlib.Path(place, name)
        (top / "scripts").mkdir(parents=True)
        (top / "SKILL.md").write_text(f"---\nname: {name}\ndescription: How {text} are written.\n---\nWrite {text}.\n")
        for script, code in scripts:
            (top / "scripts" / script).write_text(code)
        return files_from_dir(top)


def crud():
    script = [("check.sh", "#!/bin/sh\necho checked\n")]
    made = skills.create(files=folder("house-style", "letters", script), display_name="House style")
    plain = skills.create(files=folder("plain-style", "notes"))
    first = skills.versions.retrieve("latest", skill_id=made.id)
    second = skills.versions.create(made.id, files=folder("house-style", "mails", script))
    read = skills.retrieve(made.id)
    listed = [one.id for one in skills.list(limit=1)]
    versions = [one.id for one in skills.versions.list(made.id, limit=1)]
    archive = zipfile.ZipFile(io.BytesIO(skills.versions.download(second.id, skill_id=made.id).read()))
    modes = {one.filename: oct(one.external_attr >> 16 & 0o777) for one in archive.infolist()}
    text = archive.read("house-style/SKILL.md").decode().splitlines()[-1]
    gone = skills.versions.delete(second.id, skill_id=made.id)
    back = skills.retrieve(made.id)
    last = refused(lambda: skills.versions.delete(first.id, skill_id=made.id))
    removed = skills.delete(plain.id)
    return [
        [made.display_name, made.source.type, plain.display_name, made.latest_version_id == first.id],
        [first.name, first.description, second.description, read.latest_version_id == second.id],
        [listed == [plain.id, made.id], versions == [second.id, first.id], modes, text],
        [gone.type, gone.id == second.id, back.latest_version_id == first.id, last],
        [removed.type, refused(lambda: skills.retrieve(plain.id)), [one.id for one in skills.list(source="anthropic")]],
    ]


step("crud", crud)


def errors():
    style = next(iter(skills.list())).id
    text = ("SKILL.md", b"---\nname: house-style\ndescription: x\n---\n")
    agent = lambda **skill: client.beta.agents.create(model=MODEL, name="x", skills=[skill])
    return [
        refused(lambda: skills.create(files=[("house-style/README.md", b"hello")])),
        refused(lambda: skills.create(files=[("../house-style/SKILL.md", text[1])])),
        refused(lambda: skills.create(files=folder("house-style", "letters"))),
        refused(lambda: skills.create(files=folder("other-style", "letters"), display_name="x" * 256)),
        refused(lambda: skills.versions.create(style, files=folder("other-style", "letters"))),
        refused(lambda: skills.retrieve("skill_ffffffffffffffffffffffff")),
        refused(lambda: list(skills.list(limit=0))),
        refused(lambda: agent(type="custom", skill_id="skill_ffffffffffffffffffffffff")),
        refused(lambda: agent(type="custom", skill_id=style, version="skillver_ffffffffffffffffffffffff")),
    ]


step("errors", errors)


def ask(session, text):
    """The output of the session's tools."""
    events = idle(session, [say(text)])
    uses = [event.name for event in events if event.type == "agent.tool_use"]
    results = [event.content[0].text.strip() for event in events if event.type == "agent.tool_result"]
    return [uses, [one.splitlines()[-1] for one in results]]


def sessions():
    style = next(iter(skills.list()))
    toolset = [{"type": "agent_toolset_20260401"}]
    named = [{"type": "custom", "skill_id": style.id}]
    agent = client.beta.agents.create(model=MODEL, name="Writer", tools=toolset, skills=named)
    environment = client.beta.environments.create(name="plain")
    begin = lambda agent=agent.id: client.beta.sessions.create(agent=agent, environment_id=environment.id)
    session = begin()
    before = [ask(session, "skill: house-style"), ask(session, "run: .corral/skills/house-style/scripts/check.sh")]
    newer = skills.versions.create(style.id, files=folder("house-style", "mails"))
    old = ask(session, "skill: house-style")
    later = begin()
    new = ask(later, "run: tail -n 1 .corral/skills/house-style/SKILL.md")
    pinned = client.beta.agents.update(
        agent.id, skills=[{"type": "custom", "skill_id": style.id, "version": style.latest_version_id}]
    )
    without = begin({"type": "agent_with_overrides", "id": agent.id, "skills": []})
    bare = ask(without, "skill: house-style")[1]
    of = lambda it: [one.version for one in it.agent.skills]
    return [
        [[one.version for one in agent.skills], of(session) == [style.latest_version_id], of(later) == [newer.id]],
        before,
        [old, new],
        [pinned.version, [one.version for one in pinned.skills] == [style.latest_version_id], of(without), bare],
        refused(lambda: begin({"type": "agent_with_overrides", "id": agent.id, "tools": []})),
    ]


step("sessions", sessions)
print(json.dumps(steps))
