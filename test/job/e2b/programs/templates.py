# A program written on E2B's SDK for Python that builds a Dockerfile and starts sandboxes of it. It knows nothing of Corral.
import json, os, shutil, tempfile
from e2b import Sandbox, Template

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


folder = tempfile.mkdtemp(prefix="e2b-template-")
os.makedirs(os.path.join(folder, "tool"))
with open(os.path.join(folder, "tool", "greet.py"), "w") as file:
    file.write("print('hello')\n")
dockerfile = """FROM e2bdev/base
ENV COLOUR=green
RUN apt-get update && apt-get install -y --no-install-recommends bc
RUN pip install six
RUN npm install -g semver
WORKDIR /app
COPY tool tool
RUN python3 tool/greet.py > said.txt
"""
lines = []


def build(text):
    template = Template(file_context_path=folder).from_dockerfile(text)
    return Template.build(template, "tools-of-python", tags=["v1", "default"], on_build_logs=lambda one: lines.append(one.message))


def built():
    made = build(dockerfile)
    return [made.template_id.startswith("tpl-"), sorted(made.tags)]


def log():
    parts = ("Setting up bc", "Successfully installed six", "added ", "green")
    return [any(part in line for line in lines) for part in parts]


def started(name, command):
    with Sandbox.create(name, timeout=120) as sandbox:
        return sandbox.commands.run(command).stdout.split("\n")


tools = 'echo 6*7 | bc; python3 -c "import six; print(six.__name__)"; semver 1.2.3'
step("build", built)
step("log", log)
step("found", lambda: [Template.exists("tools-of-python"), Template.exists("tools-of-nobody")])
step("started", lambda: started("tools-of-python", f"{tools}; cat /app/said.txt; echo $COLOUR"))
step("by a tag", lambda: [started("tools-of-python:v1", "semver 2.0.0"), failing(lambda: Sandbox.create("tools-of-python:v9"))])
step("of the other SDK", lambda: started("tools-of-javascript", f"{tools}; echo $COLOUR"))
step("a step that fails", lambda: failing(lambda: build(dockerfile + "RUN exit 3\n")))
step("tags", lambda: sorted(one.tag for one in Template.get_tags("tools-of-python")))
shutil.rmtree(folder)
print(json.dumps(said))
