# A program on the Anthropic SDK, unpatched, whose tools the SDK's runner calls.
import asyncio
import json

import anthropic
from steps import MODEL, say, step, steps, weather

client = anthropic.AsyncAnthropic()


async def tool_runner():
    asked = []

    @anthropic.beta_async_tool
    async def get_weather(location: str) -> str:
        """Weather of a city"""
        asked.append(location)
        return f"rain in {location}"

    agent = await client.beta.agents.create(model=MODEL, name="Weather", tools=[weather])
    environment = await client.beta.environments.create(name="plain")
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    events = client.beta.sessions.events
    await events.send(session.id, events=[say("both: Oslo")])
    async for _ in events.tool_runner(session.id, tools=[get_weather], max_idle=0.5):
        pass
    found = [event async for event in events.list(session.id)]
    results = [event.type for event in found if event.type == "user.custom_tool_result"]
    last = [event.content[0].text for event in found if event.type == "agent.message"][-1]
    return [results, sorted(asked), "rain in Oslo" in last]


step("tool runner", lambda: asyncio.run(tool_runner()))
print(json.dumps(steps))
