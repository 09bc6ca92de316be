import asyncio

from corral import AsyncCorral, CorralError


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
    changes = box.files.watch("watched")
    first = asyncio.ensure_future(anext(changes))
    while not first.done():
        await box.exec("echo x > watched/a.txt; rm -f watched/b")
        await asyncio.wait([first], timeout=1)
        if not first.done():
            await box.exec("rm watched/a.txt")
    seen = [await first, await anext(changes)]
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

    for failing in (box.files.read("nothing"), AsyncCorral.create(url="http://127.0.0.1:1")):
        try:
            await failing
        except CorralError as error:
            print(error.code)
    await box.close()


asyncio.run(main())
