# A program written on E2B's SDK for Python that keeps files in a volume. It knows nothing of Corral.
import json
from e2b import Sandbox, Volume

said = {}


def step(name, work):
    try:
        said[name] = work()
    except Exception as thrown:
        said[name] = {"failed": type(thrown).__name__, "message": str(thrown)}


def failing(work):
    try:
        work()
        return "no failure"
    except Exception as thrown:
        return type(thrown).__name__


volume = Volume.create("data-of-python")
step("listed", lambda: [one.name for one in Volume.list()])
step("connected", lambda: Volume.connect(volume.volume_id).name)


def make():
    made = volume.make_dir("/a/b", force=True)
    return [made.name, made.path, failing(lambda: volume.make_dir("/x/y"))]


def write():
    written = volume.write_file("/a/b/one.txt", b"hello", mode=0o640)
    return [written.path, written.size, oct(written.mode)]


def mounted():
    with Sandbox.create(timeout=120, volume_mounts={"/mnt/data": volume}) as sandbox:
        out = sandbox.commands.run("cat /mnt/data/a/b/one.txt; echo more > /mnt/data/more").stdout
        return [out, failing(lambda: volume.write_file("/x", b"x")), volume.read_file("/more")]


step("make", make)
step("write", write)
step("read", lambda: [volume.read_file("/a/b/one.txt"), failing(lambda: volume.read_file("/none"))])
step("list", lambda: sorted(one.path for one in volume.list("/", depth=3)))
step("info", lambda: [volume.exists("/a"), volume.exists("/b"), oct(volume.update_metadata("/a/b/one.txt", mode=0o600).mode)])
step("mounted", mounted)
step("remove", lambda: [volume.remove("/a"), volume.exists("/a")])
step("destroy", lambda: [Volume.destroy(volume.volume_id), Volume.destroy(volume.volume_id)])
print(json.dumps(said))
