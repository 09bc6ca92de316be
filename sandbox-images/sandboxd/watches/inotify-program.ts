/**
 * Reports changes of files through inotify. The kernel tells the kind of each change, and a move by both of its names;
 * Node's own watcher does neither. One process serves every watch of the sandbox. Requests and reports are lines of JSON.
 */
export const inotifyProgram = String.raw`
import array, ctypes, errno, fcntl, json, os, re, selectors, struct, sys, termios
MODIFY, ATTRIB, FROM, TO, CREATE, DELETE = 0x2, 0x4, 0x40, 0x80, 0x100, 0x200
DELETE_SELF, OVERFLOW, IGNORED, ISDIR, ONLYDIR = 0x400, 0x4000, 0x8000, 0x40000000, 0x1000000
WANTED = MODIFY | ATTRIB | FROM | TO | CREATE | DELETE | DELETE_SELF | ONLYDIR
KINDS = ((CREATE | TO, "create"), (MODIFY, "write"), (DELETE, "remove"), (FROM, "rename"), (ATTRIB, "chmod"))
most = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(os.O_CLOEXEC)
if fd < 0:
    sys.exit(3)
places = {}  # watch descriptor -> {(id, folder relative to the watched one): names that a scan reported}
watches = {}  # id -> (root, recursive, its watch descriptors)
moved = {}  # cookie of a move -> the folders that it took away, each with its id
arriving = {}  # cookie of a move -> what a file that the daemon wrote whole is told as
out = sys.stdout

def staged(name):
    """The daemon's own file, hidden until it is whole. Programs do not see it come and go."""
    return re.fullmatch(r"\.corral-[0-9a-f]{12}(\.new)?\.tmp", name)

def say(**line):
    out.write(json.dumps(line) + "\n")

def add(id, folder, on_new):
    root, recursive, own = watches[id]
    if len(places) >= most:
        raise OSError(errno.ENOSPC, "")
    at = os.path.join(root, folder)
    wd = libc.inotify_add_watch(fd, os.fsencode(at), WANTED)
    if wd < 0:
        raise OSError(ctypes.get_errno(), "")
    known = places.setdefault(wd, {})
    own.add(wd)
    reported = known.setdefault((id, folder), set())
    if not recursive and on_new is None:
        return
    try:
        entries = list(os.scandir(at))
    except OSError:
        return
    for entry in entries:
        if staged(entry.name):
            continue
        if on_new:
            reported.add(entry.name)
            on_new(os.path.join(folder, entry.name), entry)
        if recursive and entry.is_dir(follow_symlinks=False):
            try:
                add(id, os.path.join(folder, entry.name), on_new)
            except OSError as gone:
                if gone.errno == errno.ENOSPC:
                    raise

def forget(id, below):
    """Drops the watches of one id at and below a folder; None: all of them."""
    own = watches[id][2]
    for wd in list(own):
        kept = {key: names for key, names in places[wd].items() if key[0] != id or not (below is None or key[1] == below or key[1].startswith(below + "/"))}
        if len(kept) == len(places[wd]):
            continue
        if not any(key[0] == id for key in kept):
            own.discard(wd)
        places[wd] = kept
        if not kept:
            del places[wd]
            libc.inotify_rm_watch(fd, wd)

def follow(id, old, new):
    """The watches of a folder and those below it stay through a move, so that nothing in it is missed."""
    for wd in watches[id][2]:
        for key in [key for key in places[wd] if key[0] == id and (key[1] == old or key[1].startswith(old + "/"))]:
            places[wd][(id, new + key[1][len(old) :])] = places[wd].pop(key)

def obey(line):
    ask = json.loads(line)
    id = ask["id"]
    if ask["do"] == "sync":
        drain()
        say(id=id, synced=True)
        return
    if ask["do"] == "close":
        if id in watches:
            forget(id, None)
            del watches[id]
        return
    watches[id] = (ask["path"], ask["recursive"], set())
    try:
        add(id, "", None)
        say(id=id, opened=True)
    except OSError as failed:
        forget(id, None)
        del watches[id]
        say(id=id, opened=False, error=errno.errorcode.get(failed.errno, "EIO"))

def shown(name):
    return os.fsencode(name).decode("utf-8", "replace")

def tell(id, kind, path):
    say(id=id, type=kind, name=shown(path))

def found(id):
    def tell_new(path, entry):
        tell(id, "create", path)
        try:
            # It was written before its folder was watched, so the kernel tells nothing of it.
            if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size > 0:
                tell(id, "write", path)
        except OSError:
            pass
    return tell_new

def event(wd, mask, cookie, name):
    if mask & OVERFLOW:
        for id in watches:
            say(id=id, type="lost", name="")
        return
    if mask & IGNORED:
        for id, _ in places.pop(wd, {}):
            if id in watches:
                watches[id][2].discard(wd)
        return
    own = staged(name)
    if own:
        if mask & FROM:
            arriving[cookie] = ("create", "chmod", "write") if own[1] else ("write",)
        return
    arrived = arriving.pop(cookie, None) if mask & TO else None
    for (id, folder), reported in list(places.get(wd, {}).items()):
        if mask & DELETE_SELF:
            if folder == "":
                tell(id, "remove", ".")
            continue
        if not name and not mask & ATTRIB:
            continue
        if not name:
            continue
        path = os.path.join(folder, name)
        if mask & (DELETE | FROM):
            reported.discard(name)
        if arrived:
            for kind in arrived:
                if kind != "create" or name not in reported:
                    tell(id, kind, path)
            reported.discard(name)
            continue
        if mask & CREATE and name in reported:
            reported.discard(name)
            continue
        for bit, kind in KINDS:
            if mask & bit:
                tell(id, kind, path)
        if mask & ISDIR and watches[id][1]:
            before = next((old for other, old in moved.get(cookie, []) if other == id), None)
            if mask & FROM:
                moved.setdefault(cookie, []).append((id, path))
            elif mask & TO and before is not None:
                moved[cookie].remove((id, before))
                follow(id, before, path)
            elif mask & (CREATE | TO):
                try:
                    add(id, path, found(id) if mask & CREATE else None)
                except OSError as failed:
                    if failed.errno == errno.ENOSPC:
                        say(id=id, type="lost", name="")

def drain():
    """Tells what the kernel has queued by now. A system call returns after its event is queued."""
    queued = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, queued)
    if queued[0] == 0:
        return
    data = os.read(fd, queued[0])
    at = 0
    while at < len(data):
        wd, mask, cookie, size = struct.unpack_from("iIII", data, at)
        name = os.fsdecode(data[at + 16 : at + 16 + size].rstrip(b"\0"))
        at += 16 + size
        event(wd, mask, cookie, name)
    for id, path in sum(moved.values(), []):
        if id in watches:
            forget(id, path)  # it left for a folder that is not watched
    moved.clear()

events = selectors.DefaultSelector()
events.register(0, selectors.EVENT_READ)
events.register(fd, selectors.EVENT_READ)
held = b""
while True:
    for key, _ in events.select():
        if key.fd != 0:
            drain()
            continue
        data = os.read(0, 65536)
        if not data:
            sys.exit(0)
        *lines, held = (held + data).split(b"\n")
        for line in lines:
            obey(line)
    out.flush()
`;
