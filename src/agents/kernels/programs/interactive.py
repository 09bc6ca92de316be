# What IPython adds to Python in a cell: an indented cell, `!command`, `%magic`, `%%magic`, `name?` and `get_ipython`. IPython
# itself does it where the image has it. Elsewhere this does, with the magics that programs use most.
import ast, builtins, contextlib, importlib, importlib.util, io, os, re, shlex, signal, subprocess, sys, time, types


class UsageError(Exception):
    pass


class Lines(list):
    """The output of a command: its lines, and as IPython has it, `n` (the text) and `s` (on one line)."""

    n = property("\n".join)
    s = property(" ".join)


def is_python(source):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
        return True
    except SyntaxError:
        return False


def dedented(source):
    """Without the indent of its first line, as IPython takes a cell."""
    lines = source.splitlines(True)
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    return "".join(line[len(indent) :] if line.startswith(indent) else line for line in lines) if indent else source


def python_of(source):
    """The cell as Python."""
    source = dedented(source)
    names_ipython = "IPython" in source and importlib.util.find_spec("IPython") is not None
    if is_python(source) and not names_ipython and not is_automagic(source):
        return source
    shell = get_ipython()
    return source if is_python(source) and not is_automagic(source) else shell.transform_cell(source)


def is_automagic(source):
    """A single line as `pip install x` or `ls`, whose first word is no name of the program."""
    line = source.strip()
    word = re.match(r"[a-z_]+(?=$| )", line)
    return bool(word) and "\n" not in line and word[0] in shell_words and not (is_python(line) and word[0] in cell_globals) and not re.match(r"\w+ *(=|,|\.|\()", line)


shell_words = {"pip", "ls", "pwd", "cd", "cat", "mkdir", "rm", "cp", "mv", "env", "who", "whos"}
assignment = re.compile(r"(?P<head>\s*[A-Za-z_][\w., \[\]'\"*]*?\s*=\s*)(?P<mark>[!%])(?P<rest>(?!=).*)", re.S)
question = re.compile(r"(?P<name>[\w.*]+)\?{1,2};?\s*$")


def line_of(line):
    """The Python of a line that is none; None where the line is Python already."""
    indent, text = line[: len(line) - len(line.lstrip())], line.strip()
    call = lambda method, *words: f"get_ipython().{method}({', '.join(map(repr, words))})"
    magic = lambda rest: call("run_line_magic", *(rest.strip().split(None, 1) + ["", ""])[:2])
    if text.startswith("!!"):
        return indent + call("getoutput", text[2:])
    if text.startswith("!"):
        return indent + call("system", text[1:])
    if text.startswith("%") and text[1:2].isalpha():
        return indent + magic(text[1:])
    if text.startswith("?") or question.fullmatch(text):
        return indent + call("run_line_magic", "pinfo", text.strip("?; "))
    found = assignment.fullmatch(text)
    if found:
        made = call("getoutput", found["rest"]) if found["mark"] == "!" else magic(found["rest"])
        return indent + found["head"] + made
    return None


token = re.compile(r"#[^\n]*|(?P<quote>'''|\"\"\"|'|\")|[()\[\]{}]|\\.", re.S)


def left_open(line, quote, depth):
    """What a line leaves open: the quote of a string of several lines, and the number of brackets."""
    at = 0
    while at < len(line):
        if quote:
            end = re.compile(r"\\.|" + quote, re.S).search(line, at)
            if not end:
                return quote, depth
            at = end.end()
            if end[0] == quote:
                quote = ""
            continue
        found = token.search(line, at)
        if not found:
            break
        at = found.end()
        if found["quote"]:
            closes = len(found["quote"]) == 3 or re.compile(r"(\\.|[^\\\n])*?" + found["quote"]).match(line, at)
            quote = found["quote"] if closes else ""
        elif found[0] in "([{":
            depth += 1
        elif found[0] in ")]}":
            depth = max(0, depth - 1)
    return quote, depth


def transformed(source):
    lines = source.splitlines()
    head = next((at for at, line in enumerate(lines) if line.strip()), 0)
    if lines and lines[head].startswith("%%"):
        name, _, rest = lines[head][2:].partition(" ")
        body = "\n".join(lines[head + 1 :]) + "\n"
        return f"get_ipython().run_cell_magic({name.strip()!r}, {rest.strip()!r}, {body!r})\n"
    made, quote, depth, goes_on, at = [], "", 0, False, 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not quote and not depth and not goes_on:
            whole, taken = line, 0
            while whole.endswith("\\") and at + taken < len(lines):
                whole = whole[:-1] + lines[at + taken].strip()
                taken += 1
            python = line_of(whole)
            if python is not None:
                made += [python] + [""] * taken
                at += taken
                continue
        quote, depth = left_open(line + "\n", quote, depth)
        goes_on = not quote and line.endswith("\\")
        made.append(line)
    return "\n".join(made) + "\n"


def expanded(text, names):
    """Puts the values of `{expression}` and `$name` into a command. What has no value stays."""

    def value(found):
        if found[0] in ("$$", "{{", "}}"):
            return found[0][0]
        try:
            return str(eval(found["expression"] or found["name"], names))
        except Exception:
            return found[0]

    return re.sub(r"\$\$|\{\{|\}\}|\$(?P<name>[A-Za-z_]\w*)|\{(?P<expression>[^{}]+)\}", value, text)


def system(command, shell="/bin/bash", text=None, output=None):
    """Runs a command whose output is that of the cell. An interrupt of the cell ends it."""
    flush()
    argv = [shell, "-c", command] if text is None else shlex.split(command)
    streams = {"stderr": subprocess.STDOUT} if text is None else {}
    started = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL if text is None else subprocess.PIPE, stdout=output, start_new_session=True, **streams
    )
    try:
        out, _ = started.communicate(None if text is None else text.encode())
    except BaseException:
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(1)
                break
        raise
    cell_globals["_exit_code"] = started.returncode
    return started.returncode, (out or b"").decode("utf-8", "replace")


class Shell:
    """The part of IPython's shell that programs use."""

    user_ns = property(lambda _: cell_globals)

    def transform_cell(self, source):
        if is_automagic(source):
            source = "%" + source.strip()
        return transformed(source)

    def var_expand(self, text, depth=0):
        return expanded(text, cell_globals)

    def system(self, command):
        system(self.var_expand(command))

    def getoutput(self, command, split=True):
        _, out = system(self.var_expand(command), output=subprocess.PIPE)
        return Lines(out.splitlines()) if split else out

    def ex(self, source):
        exec(source, cell_globals)

    def ev(self, source):
        return eval(source, cell_globals)

    def run_cell(self, source, *_, **__):
        exec(compile(python_of(source), "<cell>", "exec"), cell_globals)

    def run_line_magic(self, name, line, *_):
        return self.__magic("Line", line_magics, name)(expanded(line, cell_globals))

    def run_cell_magic(self, name, line, cell):
        return self.__magic("Cell", cell_magics, name)(expanded(line, cell_globals), cell)

    def magic(self, text):
        return self.run_line_magic(*(text.lstrip("%").split(None, 1) + [""])[:2])

    def __magic(self, kind, magics, name):
        if name in magics:
            return magics[name]
        mark = "%" if kind == "Line" else "%%"
        raise UsageError(f"{kind} magic function `{mark}{name}` not found. IPython, where it is installed, has more of them.")


def command(*words):
    return lambda line: system(" ".join((*map(shlex.quote, words), line))) and None


def pip(line):
    system(f"{shlex.quote(sys.executable)} -m pip {line}")
    find_installed()


def change_folder(line):
    os.chdir(os.path.expanduser(line.strip().strip("'\"") or "~"))
    print(os.getcwd())


def environment(line):
    name, equals, value = (line if "=" in line else line.replace(" ", "=", 1)).partition("=")
    if not name:
        return dict(os.environ)
    if not equals:
        return os.environ.get(name.strip())
    os.environ[name.strip()] = value.strip()
    print(f"env: {name.strip()}={value.strip()}")


def timed(line, cell=None):
    began, used = time.perf_counter(), time.process_time()
    try:
        source = python_of(cell if cell is not None else line)
        if cell is None and is_expression(source):
            return eval(source, cell_globals)
        exec(compile(source, "<cell>", "exec"), cell_globals)
    finally:
        print(f"CPU times: total: {time.process_time() - used:.3g} s\nWall time: {time.perf_counter() - began:.3g} s")


def is_expression(source):
    try:
        ast.parse(source.strip(), mode="eval")
        return True
    except SyntaxError:
        return False


def timed_often(line, cell=None):
    import timeit

    timer = timeit.Timer(cell if cell is not None else line, globals=cell_globals)
    times, took = timer.autorange()
    best = min([took, *timer.repeat(2, times)]) / times
    print(f"{best:.3g} s per loop (best of 3 runs, {times:,} loops each)")


def run_file(line):
    import runpy

    file, *args = shlex.split(line)
    before, sys.argv = sys.argv, [file, *args]
    try:
        cell_globals.update({k: v for k, v in runpy.run_path(file, run_name="__main__").items() if not k.startswith("__")})
    finally:
        sys.argv = before


def script(line, cell):
    code, _ = system(line, text=cell)
    if code != 0:
        raise subprocess.CalledProcessError(code, line)


def write_file(line, cell):
    *options, path = shlex.split(line)
    path = os.path.expanduser(path)
    is_new = not os.path.exists(path)
    with open(path, "a" if "-a" in options else "w") as file:
        file.write(cell)
    print(f"{'Appending to' if '-a' in options else 'Writing' if is_new else 'Overwriting'} {path}")


def captured(line, cell):
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        exec(compile(python_of(cell), "<cell>", "exec"), cell_globals)
    for name in line.split()[:1]:
        cell_globals[name] = types.SimpleNamespace(stdout=out.getvalue(), stderr=errors.getvalue())


def own_names(_line=""):
    return sorted(name for name in cell_globals if not name.startswith("_"))


def information(line):
    import inspect

    value = eval(line, cell_globals)
    print(f"Type: {type(value).__name__}\nDocstring: {inspect.getdoc(value) or '<no docstring>'}")


def as_mime(mime):
    return lambda _line, cell: show_bundle({mime: cell})


nothing = lambda *_: None
line_magics = {
    **{name: command(name) for name in ("cat", "cp", "ls", "mkdir", "mv", "rm", "rmdir")},
    **{name: nothing for name in ("matplotlib", "config", "autoreload", "colors", "xmode", "load_ext", "reload_ext")},
    **{"pip": pip, "cd": change_folder, "pwd": lambda _: os.getcwd(), "env": environment, "set_env": environment},
    **{"time": timed, "timeit": timed_often, "run": run_file, "pinfo": information, "pinfo2": information},
    **{"who": lambda _: print("  ".join(own_names())), "whos": lambda _: print("\n".join(own_names())), "who_ls": own_names},
    **{"system": lambda line: Lines(system(line, output=subprocess.PIPE)[1].splitlines()), "sx": lambda line: get_ipython().getoutput(line)},
    "lsmagic": lambda _: sorted([*("%" + name for name in line_magics), *("%%" + name for name in cell_magics)]),
}
cell_magics = {
    **{name: (lambda name: lambda line, cell: script(f"{name} {line}", cell))(name) for name in ("bash", "sh", "perl", "ruby")},
    **{"script": script, "writefile": write_file, "file": write_file, "capture": captured, "time": timed, "timeit": timed_often},
    **{"html": as_mime("text/html"), "HTML": as_mime("text/html"), "markdown": as_mime("text/markdown")},
    **{"latex": as_mime("text/latex"), "svg": as_mime("image/svg+xml"), "SVG": as_mime("image/svg+xml")},
    **{"javascript": as_mime("application/javascript"), "js": as_mime("application/javascript")},
    "python": lambda line, cell: script(f"{shlex.quote(sys.executable)} - {line}", cell),
}
cell_magics["python3"] = cell_magics["python"]
cell_magics["!"] = cell_magics["sx"] = lambda line, cell: get_ipython().getoutput(f"{line}\n{cell}")


def full_shell():
    """IPython's own shell over the variables of the cells. Raises ImportError where the image has none."""
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, *_, **__):
            show_bundle(data)

        def clear_output(self, wait=False):
            pass

    class Formatter(DisplayFormatter):
        def format(self, value, include=None, exclude=None):
            return bundle_of(value), {}

    class FullShell(InteractiveShell):
        def system(self, command):
            system(self.var_expand(command, depth=1))

    settings = Config()
    settings.HistoryManager.enabled = False
    made = FullShell.instance(config=settings, user_module=main, user_ns=cell_globals, display_pub_class=Publisher)
    made.display_formatter = Formatter(parent=made)
    made.register_magic_function(lambda line: None, "line", "matplotlib")  # figures are shown in any case
    made.register_magic_function(pip, "line", "pip")
    return made


known_shell = None


def get_ipython():
    global known_shell
    if known_shell is None:
        hook = sys.excepthook, sys.displayhook
        try:
            known_shell = full_shell()
        except Exception:
            known_shell = Shell()
        sys.excepthook, sys.displayhook = hook
        sys.modules["__main__"] = main
        builtins.get_ipython = get_ipython
    return known_shell


class Shown:
    """A value of IPython.display: data with its MIME type."""

    mime = "text/html"

    def __init__(self, data=None, url=None, filename=None, **_):
        if filename is not None:
            data = open(filename, "rb" if self.mime.startswith("image/p") else "r").read()
        self.data, self.url = data, url

    def _repr_mimebundle_(self, **_):
        return {"text/plain": repr(self), self.mime: self.data}

    def __repr__(self):
        return f"<IPython.core.display.{type(self).__name__} object>"


class Image(Shown):
    def __init__(self, data=None, url=None, filename=None, format=None, **_):
        if isinstance(data, str) and os.path.exists(data):
            data, filename = None, data
        data = open(filename, "rb").read() if filename is not None else data
        self.data, self.url = data, url
        self.mime = "image/jpeg" if isinstance(data, bytes) and data.startswith(b"\xff\xd8") else "image/png"

    def _repr_mimebundle_(self, **_):
        return {"text/plain": repr(self), **({"text/html": f'<img src="{self.url}"/>'} if self.url else {self.mime: self.data})}


class IPythonFinder:
    """Makes `IPython.display` importable where IPython is absent: the last that Python asks."""

    def find_spec(self, name, path=None, target=None):
        if name in ("IPython", "IPython.display", "IPython.core", "IPython.core.display"):
            return importlib.util.spec_from_loader(name, self, is_package=name in ("IPython", "IPython.core"))

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        kinds = {"HTML": "text/html", "Markdown": "text/markdown", "Latex": "text/latex", "SVG": "image/svg+xml"}
        kinds.update({"Javascript": "application/javascript", "JSON": "application/json", "Pretty": "text/plain"})
        for name, mime in kinds.items():
            setattr(module, name, type(name, (Shown,), {"mime": mime}))
        module.Image, module.display, module.get_ipython = Image, display, get_ipython
        module.clear_output = module.update_display = nothing


sys.meta_path.append(IPythonFinder())
builtins.get_ipython = get_ipython
