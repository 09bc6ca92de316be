# A program on the Anthropic SDK, unpatched, that keeps memories in a store.
import hashlib
import json

from steps import client, refused, step, steps

stores = client.beta.memory_stores


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def crud():
    store = stores.create(name="Preferences", metadata={"team": "a"})
    other = stores.create(name="Other", description="Facts")
    changed = stores.update(store.id, description="What Alice likes.", metadata={"team": None, "user": "1"})
    listed = [one.id for one in stores.list(limit=1)]
    archived = stores.archive(other.id)
    hidden = [one.id for one in stores.list()]
    late = refused(lambda: stores.memories.create(other.id, path="/a.md", content="x"))
    gone = stores.delete(other.id)
    return [
        [store.description, other.description, changed.description, changed.metadata, stores.retrieve(store.id).name],
        [set(listed) == {store.id, other.id}, archived.archived_at is not None, hidden == [store.id], late],
        [gone.type, refused(lambda: stores.retrieve(other.id))],
    ]


step("crud", crud)
store = stores.create(name="Notes").id
at = {"memory_store_id": store}


def memories():
    todo = stores.memories.create(store, path="/notes/todo.md", content="hello")
    deep = stores.memories.create(store, path="/notes/deep/er.md", content="", view="full")
    read = stores.memories.retrieve(todo.id, **at)
    basic = [[one.path, one.content] for one in stores.memories.list(store, limit=1)]
    full = [one.content for one in stores.memories.list(store, view="full", path_prefix="/notes/")]
    rolled = [[one.type, one.path] for one in stores.memories.list(store, depth=1, path_prefix="/notes/")]
    stale = {"type": "content_sha256", "content_sha256": sha("other")}
    fresh = {"type": "content_sha256", "content_sha256": sha("hello")}
    conflict = refused(lambda: stores.memories.update(todo.id, **at, content="bye", precondition=stale))
    changed = stores.memories.update(todo.id, **at, content="bye", precondition=fresh, view="full")
    same = stores.memories.update(todo.id, **at, content="bye")
    renamed = stores.memories.update(todo.id, **at, path="/done.md")
    taken = refused(lambda: stores.memories.create(store, path="/done.md", content="x"))
    folder = refused(lambda: stores.memories.create(store, path="/notes/deep", content="x"))
    kept = refused(lambda: stores.memories.delete(deep.id, **at, expected_content_sha256=sha("other")))
    gone = stores.memories.delete(deep.id, **at, expected_content_sha256=sha(""))
    return [
        [todo.content, todo.content_sha256 == sha("hello"), todo.content_size_bytes, deep.content, read.content],
        [basic, full, rolled],
        [conflict, changed.content, same.memory_version_id == changed.memory_version_id],
        [renamed.id == todo.id, renamed.path, renamed.content_sha256 == sha("bye"), taken, folder],
        [kept, gone.type, refused(lambda: stores.memories.retrieve(deep.id, **at))],
    ]


step("memories", memories)


def versions():
    memory = next(iter(stores.memories.list(store)))
    versions = stores.memory_versions
    own = list(versions.list(store, memory_id=memory.id, view="full", limit=2))
    everything = [one.operation for one in versions.list(store)]
    deleted = list(versions.list(store, operation="deleted"))
    head = refused(lambda: versions.redact(memory.memory_version_id, **at))
    redacted = versions.redact(own[-1].id, **at)
    again = versions.retrieve(own[-1].id, **at)
    tomb = versions.redact(deleted[0].id, **at)
    return [
        [[one.operation, one.path, one.content] for one in own],
        [everything, [one.path for one in deleted], own[0].created_by is None, head],
        [redacted.content, redacted.path, redacted.content_sha256, redacted.redacted_at is not None],
        [again.content, again.redacted_at == redacted.redacted_at, tomb.path],
        [one.content for one in versions.list(store, memory_id=memory.id, view="full")],
    ]


step("versions", versions)


def errors():
    make = lambda path, content="x": refused(lambda: stores.memories.create(store, path=path, content=content))
    return [
        [make(path) for path in ("notes.md", "/", "/a//b", "/a/../b", "/" + "a/" * 20 + "b", "/" + "é" * 600, "/a\u200bb")],
        [make("/big", "x" * 102_401), make("/half", "a\0b")],
        refused(lambda: stores.create(name="")),
        refused(lambda: stores.memories.list(store, limit=101)),
        refused(lambda: stores.memories.list(store, path_prefix="/notes")),
        refused(lambda: stores.retrieve("memstore_ffffffffffffffffffffffff")),
        refused(lambda: stores.memory_versions.retrieve("memver_" + "f" * 36, **at)),
        refused(lambda: stores.memories.list(store, extra_headers={"anthropic-beta": "agent-memory-2026-07-22,managed-agents-2026-04-01"})),
    ]


step("errors", errors)
print(json.dumps(steps))
