# What the programs of this folder share: the client, the answers of their steps by name, and refusals as the tests compare them.
import anthropic

MODEL = "claude-sonnet-5-5"
weather = {
    "type": "custom",
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
client = anthropic.Anthropic()  # the base URL and the key come from the environment
steps = {}


def step(name, work):
    try:
        steps[name] = work()
    except Exception as error:  # the test says what it expects
        steps[name] = f"{type(error).__name__}: {error}"


def say(text):
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def idle(session, send, **options):
    """Opens the stream, sends, and collects the events until the session rests."""
    events = []
    with client.beta.sessions.events.stream(session.id, **options) as stream:
        client.beta.sessions.events.send(session.id, events=send)
        for event in stream:
            events.append(event)
            if event.type == "session.status_idle":
                return events


def refused(work):
    try:
        work()
        return "no error"
    except anthropic.APIStatusError as error:
        return [error.status_code, error.body["error"]["type"], error.response.headers.get("x-should-retry")]
