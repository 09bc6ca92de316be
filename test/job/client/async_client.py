import asyncio

from corral import AsyncCorral, CorralError, GitPerson, Repository, Service


async def main() -> None:
    box = await AsyncCorral.create()
    counted = 0

    def count(text: str) -> None:
        nonlocal counted
        counted += len(text)

    ended = await box.exec("printf one; head -c 49999997 /dev/zero | tr '\\0' x", on_stdout=count, keep=3)
    print(f"{ended.stdout}, {counted} characters, cut: {ended.truncated}")
    print("stdin:", (await box.exec("cat | wc -c", stdin=(b"x" * 1000 for _ in range(3000)))).stdout.strip())

    await box.exec("mkdir watched")
    changes = await box.files.watch("watched")
    await box.exec("echo x > watched/a.txt")
    seen = [await anext(changes), await anext(changes)]
    print("watched:", [f"{one.type} {one.name}" for one in seen])
    await changes.aclose()

    terminal = await box.terminal()
    await terminal.write("exit\r")
    async for _ in terminal:
        pass
    print("terminal:", terminal.end)

    run = await box.run("Ask\n```ask\nWhich colour?\n```")
    async for event in run:
        if event.type == "run.wait":
            print("question", end=", then ")
            await run.answer("blue")
    print((await run.result()).status)

    corral = AsyncCorral()
    async with await corral.new(lifetime=3600, idle_timeout=60, metadata={"user": "bob"}) as limited:
        found = [one async for one in corral.list(metadata={"user": "bob"})]
        print("found:", [one.id for one in found] == [limited.id], found[0].ends_at is not None)

    memory = AsyncCorral().memory()
    await memory.write("build.md", "make", expect=0)
    await memory.write("build.md", "make test")
    await memory.undo("build.md")
    await memory.redact("build.md", 2)
    texts = [one.text for one in await memory.history("build.md")]
    print("memory:", await memory.read("build.md"), [one.path for one in await memory.list()], texts)
    await memory.delete("build.md")

    async with await AsyncCorral.create(files={"a.txt": "one"}, env={"WORD": "two"}) as made:
        print("made:", (await made.exec('cat a.txt; echo "$WORD"')).stdout.strip())
    try:
        await AsyncCorral().open(made.id)
    except CorralError as error:
        print("left:", error.code)

    redis: Service = {"image": "redis:7", "ports": [6379], "healthcheck": {"test": ["redis-cli", "ping"]}}
    same: Repository = {"url": "https://example.org/team/project", "ref": "main", "access": "read"}
    ada: GitPerson = {"name": "Ada", "email": "ada@example.org"}
    for failing in (
        box.files.read("nothing"),
        AsyncCorral.create(url="http://127.0.0.1:1"),
        AsyncCorral.create(services={"redis": redis}),
        AsyncCorral.create(compose="services: {}"),
        AsyncCorral.create(repositories=["https://example.org/team/project#main", same], author=ada),
        AsyncCorral.create(repositories=["ssh://example.org/team/project"]),
    ):
        try:
            await failing
        except CorralError as error:
            print(error.code)
    await box.close()


asyncio.run(main())
