# The Python kernel: runs cells one after another and keeps their variables.
# Requests are JSON lines on standard input. What cells print is the program's own output. Messages of the kernel stand
# between it: NUL, "corral:", the nonce of the server, ":", one JSON object and a line end.
import ast, asyncio, base64, builtins, importlib.machinery, inspect, io, json, linecache, os, signal, site, sys, tokenize, traceback, types, warnings

most_text, most_binary, most_json, most_rows = 1_000_000, 5 * 2**20, 64 * 1024, 50
requests = os.fdopen(os.dup(0), "rb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a cell that reads input finds its end
streams = {"stdout": os.dup(1), "stderr": os.dup(2)}
nonce, count, running = "", 0, False
main = types.ModuleType("__main__")
cell_globals = main.__dict__
cell_globals["__builtins__"] = builtins
sys.modules["__main__"] = main
loop = asyncio.new_event_loop()


def flush():
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:
            pass


def emit(stream, message):
    flush()
    left = f"\0corral:{nonce}:{json.dumps(message)}\n".encode()
    while left:
        left = left[os.write(streams[stream], left) :]


def interrupt(_signal, _frame):
    if running:
        raise KeyboardInterrupt


signal.signal(signal.SIGINT, interrupt)


def png_of(figure):
    out = io.BytesIO()
    figure.savefig(out, format="png", bbox_inches="tight")
    return out.getvalue()


def is_figure(value):
    return type(value).__module__.split(".")[0] == "matplotlib" and hasattr(value, "savefig")


def chart_of(figure):
    """The data of a figure, where the image has the extractor; None when it has not, or cannot read the figure."""
    try:
        from e2b_charts import chart_figure_to_dict

        chart = chart_figure_to_dict(figure)
        return json.dumps(chart, default=str) if chart else None
    except Exception:
        return None


def columns_of(frame):
    try:
        columns = frame.astype(object).where(frame.notna(), None).to_dict(orient="list")
        return json.dumps({str(name): values for name, values in columns.items()}, default=str)
    except Exception:
        return None


def table_of(frame):
    """A data frame as a Markdown table, without its middle when it is long."""
    half = most_rows // 2
    cut = len(frame) > most_rows
    rows = [*frame.head(half).itertuples(), *frame.tail(half).itertuples()] if cut else list(frame.itertuples())
    cells = [["", *map(str, frame.columns)], ["---"] * (len(frame.columns) + 1)]
    for at, row in enumerate(rows):
        if cut and at == half:
            cells.append(["…"] * (len(frame.columns) + 1))
        cells.append([str(value) for value in row])
    line = lambda row: "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    return "\n".join(map(line, cells)) + f"\n\n{len(frame)} rows × {len(frame.columns)} columns"


methods = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "text/latex": "_repr_latex_",
    "application/json": "_repr_json_",
}


def shown_as(value, method):
    try:
        return getattr(value, method)() if getattr(type(value), method, None) else None
    except Exception:
        return None


def text_of(mime, data):
    """The text of a representation; None when it is too large."""
    if isinstance(data, tuple):
        data = data[0]
    if isinstance(data, (bytes, bytearray)):
        return base64.b64encode(data).decode() if len(data) <= most_binary else None
    if mime == "application/json" and not isinstance(data, str):
        data = json.dumps(data)
    data = str(data)
    if len(data) <= most_text:
        return data
    return None if mime.startswith(("image/", "application/")) else data[:most_text] + "…"


def bundle_of(value):
    bundle = {}
    if isinstance(value, type):
        return {"text/plain": repr(value)}
    whole = shown_as(value, "_repr_mimebundle_")
    if isinstance(whole, tuple):
        whole = whole[0]
    if isinstance(whole, dict):
        bundle.update(whole)
    for mime, method in methods.items():
        data = shown_as(value, method) if mime not in bundle else None
        if data is not None:
            bundle[mime] = data
    if is_figure(value):
        bundle["image/png"] = png_of(value)
        bundle["application/vnd.corral.chart+json"] = chart_of(value)
    if type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "itertuples"):
        bundle["text/markdown"] = table_of(value)
        bundle["application/vnd.corral.data+json"] = columns_of(value)
    plain = bundle.setdefault("text/plain", repr(value))
    if isinstance(value, (dict, list, tuple)) and len(str(plain)) <= most_json:
        try:
            bundle["application/json"] = json.dumps(value)
        except (TypeError, ValueError):
            pass
    texts = {mime: text_of(mime, data) for mime, data in bundle.items() if data is not None}
    return {mime: text for mime, text in texts.items() if text is not None}


shown_figures = set()


def show(value, is_main):
    if is_figure(value):
        shown_figures.add(id(value))
    emit("stdout", {"type": "result", "isMain": is_main, "data": bundle_of(value)})


def show_bundle(data):
    """Shows a value whose forms are known, by MIME type."""
    texts = {mime: text_of(mime, form) for mime, form in data.items() if form is not None}
    emit("stdout", {"type": "result", "isMain": False, "data": {mime: text for mime, text in texts.items() if text is not None}})


def display(*values, raw=False, **_options):
    for value in values:
        if raw:
            show_bundle(value)
        else:
            show(value, False)


builtins.display = display


def show_figures():
    """Shows the open figures of pyplot that the cell has not shown itself, and closes all."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if not pyplot or not hasattr(pyplot, "get_fignums"):
        return
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if id(figure) not in shown_figures:
            show(figure, False)
    pyplot.close("all")
    shown_figures.clear()


class PillowFinder:
    """Lets Pillow's pictures be shown by `show()`, and by `save()` under a name. E2B's code interpreter shows both."""

    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path) if name == "PIL.Image" else None
        if spec and spec.loader:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (load(module), show_pictures_of(module.Image))
        return spec


def show_pictures_of(kind):
    save = kind.save

    def save_and_show(image, fp, *args, **params):
        # matplotlib saves its figures by Pillow, and they are shown at the end of the cell.
        is_of_matplotlib = sys._getframe(1).f_globals.get("__name__", "").startswith("matplotlib")
        save(image, fp, *args, **params)
        if isinstance(fp, (str, os.PathLike)) and not is_of_matplotlib:
            show(image, False)

    kind.save = save_and_show
    kind.show = lambda image, *_, **__: show(image, False)


sys.meta_path.insert(0, PillowFinder())


def evaluated(code):
    value = eval(code, cell_globals)
    if code.co_flags & inspect.CO_COROUTINE:
        return loop.run_until_complete(value)
    return value


def is_quiet(source):
    """A semicolon at the end of a cell keeps its value from being shown."""
    try:
        tokens = [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in unseen]
        return tokens[-1:] == [";"]
    except (tokenize.TokenError, SyntaxError):
        return False


unseen = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT}


def run(cell, name):
    source = python_of(cell)
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    evaluated(compile(tree, name, "exec", flags))
    if last is not None:
        value = evaluated(compile(ast.Expression(last.value), name, "eval", flags))
        if value is not None:
            cell_globals["_"] = value
            if ";" not in source or not is_quiet(source):
                show(value, True)
    show_figures()


def error_of(error):
    trace = error.__traceback__
    while trace and not trace.tb_frame.f_code.co_filename.startswith("<cell"):
        trace = trace.tb_next
    try:
        value = str(error)
        summary = traceback.TracebackException(type(error), error, trace)
        if summary.stack and (summary.stack[-1].filename, summary.stack[-1].name) == ("<string>", "interrupt"):
            summary.stack.pop()
        text = "".join(summary.format())
    except BaseException:
        value = text = "The error cannot be shown."
    cut = lambda text: text if len(text) <= 20_000 else text[:10_000] + "\n…\n" + text[-10_000:]
    return {"name": type(error).__name__, "value": cut(value), "traceback": cut(text.rstrip())}


def find_installed():
    """Finds what pip has installed for the user since this kernel began, also where it made the folder."""
    folder = site.getusersitepackages()
    if folder not in sys.path and os.path.isdir(folder):
        site.addsitedir(folder)
    importlib.invalidate_caches()


def execute(source, env):
    global count, running
    count += 1
    find_installed()
    emit("stdout", {"type": "begin", "count": count})
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    name = f"<cell {count}>"
    error = None
    try:
        running = True
        run(source, name)
        running = False
    except BaseException as thrown:
        running = False
        error = error_of(thrown)
    for name, value in before.items():
        if value is not None:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)
    end = {"type": "end", "count": count}
    emit("stderr", end)
    emit("stdout", {**end, "error": error} if error else end)


# corral:interactive

for stream in (sys.stdout, sys.stderr):
    stream.reconfigure(line_buffering=True, errors="replace")
warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown.*")
for line in requests:
    request = json.loads(line)
    if request["type"] == "hello":
        nonce = request["nonce"]
        for stream in streams:
            emit(stream, {"type": "hello"})
    else:
        execute(request["code"], request.get("env", {}))
