# A program on the Anthropic SDK, unpatched, whose session has a cap of costs.
import json

import anthropic
from steps import refused, say, step, steps

client = anthropic.Anthropic()
sessions = client.beta.sessions
agent = client.beta.agents.create(model="claude-sonnet-5-5", name="Coder")
unpriced = client.beta.agents.create(model="local/other", name="Unpriced")
environment = client.beta.environments.create(name="plain")


def limit(cents):
    return {"type": "limit", "max_list_cost": {"amount": cents, "currency": "USD"}}


def rest(session, work):
    """The events of the stream, until the session rests."""
    events = []
    with sessions.events.stream(session.id) as stream:
        work()
        for event in stream:
            events.append(event)
            if event.type == "session.status_idle":
                return events


def cap():
    session = sessions.create(agent=agent.id, environment_id=environment.id, budget=limit("1"))
    stopped = rest(session, lambda: sessions.events.send(session.id, events=[say("Hello")]))
    usage = [event for event in stopped if event.type == "session.usage"][-1]
    late = refused(lambda: sessions.events.send(session.id, events=[say("Go on")]))
    ignored = sessions.events.send(session.id, events=[{"type": "user.interrupt"}]).data[0].type
    still = sessions.retrieve(session.id)
    low = refused(lambda: sessions.update(session.id, budget=limit("0")))
    more = rest(session, lambda: sessions.update(session.id, budget=limit("100000")))
    raised = sessions.retrieve(session.id)
    used = int(raised.usage.list_cost.amount)
    spent = refused(lambda: sessions.update(session.id, budget=limit(str(used))))
    free = sessions.update(session.id, budget=None)
    again = refused(lambda: sessions.update(session.id, budget=limit("100000")))
    return [
        [stopped[-1].stop_reason.type, usage.budget.max_list_cost.amount, "agent.message" in [e.type for e in stopped]],
        [late, ignored, still.status, still.budget.max_list_cost.amount, low],
        [more[-1].stop_reason.type, [e.content[0].text for e in more if e.type == "agent.message"], raised.budget.max_list_cost.amount, used > 1],
        [spent, free.budget, again],
    ]


step("cap", cap)


def unknown():
    make = lambda **more: sessions.create(environment_id=environment.id, **more)
    return [refused(lambda: make(agent=unpriced.id, budget=limit("5"))), make(agent=agent.id).budget]


step("unknown", unknown)
print(json.dumps(steps))
