/**
 * Reads and writes the metadata of files, which are extended attributes: Node has no call for them. One process serves all
 * of a sandbox. Requests and answers are lines of JSON, answered in order.
 */
export const metadataProgram = String.raw`
import errno, json, os, sys
PREFIX = "user.e2b."
most_bytes, most_names, all_bytes, all_names = map(int, sys.argv[1:5])

def names(path):
    return sorted(name for name in os.listxattr(path) if name.startswith(PREFIX) and name != PREFIX)

def read(path):
    """Attributes that a program set itself count too, as far as they are text and as short as the server's own."""
    found, size = {}, 0
    try:
        for name in names(path):
            try:
                value = os.getxattr(path, name).decode()
                key = name[len(PREFIX):]
                size += len(key.encode()) + len(value.encode())
            except (OSError, UnicodeError):
                continue
            if size > most_bytes or len(found) >= most_names:
                break
            found[key] = value
    except (OSError, ValueError):
        pass
    return found, min(size, most_bytes)

def read_all(paths):
    found, bytes_left, names_left = [], all_bytes, all_names
    for path in paths:
        metadata, size = read(path)
        bytes_left -= size
        names_left -= len(metadata)
        if bytes_left < 0 or names_left < 0:
            return None
        found.append(metadata)
    return found

def clear(path):
    kept = {}
    try:
        for name in names(path):
            kept[name] = os.getxattr(path, name)
            os.removexattr(path, name)
    except OSError as failed:
        if failed.errno not in (errno.ENOTSUP, errno.ENODATA):
            raise
    return kept

def write(path, metadata):
    kept = clear(path)
    try:
        for key, value in metadata.items():
            os.setxattr(path, PREFIX + key, value.encode())
    except OSError:
        clear(path)
        for name, value in kept.items():
            os.setxattr(path, name, value)
        raise

def copy(source, target):
    """The metadata of a file, or of all files below a folder, onto their copies."""
    for folder, _, files in os.walk(source) if os.path.isdir(source) else [(source, [], [""])]:
        for file in files:
            at = os.path.join(folder, file) if file else folder
            metadata, _ = read(at) if not os.path.islink(at) else ({}, 0)
            if metadata:
                try:
                    write(target + at[len(source):], metadata)
                except OSError as failed:
                    if failed.errno != errno.ENOTSUP:
                        raise

def obey(ask):
    if ask["do"] == "read":
        return read_all(ask["paths"])
    (write if ask["do"] == "write" else copy)(*ask["with"])

for line in sys.stdin.buffer:
    try:
        answer = {"found": obey(json.loads(line))}
    except OSError as failed:
        answer = {"error": "ENOTSUP" if failed.errno == errno.ENOTSUP else errno.errorcode.get(failed.errno, "EIO")}
    except ValueError:
        answer = {"error": "ENOENT"}  # no file has such a name
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
`;
