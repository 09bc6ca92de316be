# A program on the Anthropic SDK, unpatched, with a coordinator and three agents that work for it.
import itertools
import json

from steps import MODEL, client, refused, say, step, steps, weather

agents = client.beta.agents
sessions = client.beta.sessions
careful = {"type": "agent_toolset_20260401", "configs": [{"name": "bash", "permission_policy": {"type": "always_ask"}}]}
writer = agents.create(model=MODEL, name="Writer", description="Writes texts.")
runner = agents.create(model=MODEL, name="Runner", tools=[careful])
reporter = agents.create(model=MODEL, name="Reporter", tools=[weather])
roster = [writer.id, {"type": "agent", "id": runner.id, "version": 1}, reporter.id]
lead = agents.create(model=MODEL, name="Lead", multiagent={"type": "coordinator", "agents": roster})
environment = client.beta.environments.create(name="plain")


def begin(text, agent=lead):
    return sessions.create(agent=agent.id, environment_id=environment.id, initial_events=[say(text)])


def answered(use):
    """The program's answer to a call that waits."""
    if use.type == "agent.custom_tool_use":
        content = [{"type": "text", "text": "rain"}]
        return {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}
    return {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}


def rest(session, answers=True):
    """All events of the session's stream, once it rests; calls that wait are answered until then."""
    with sessions.events.stream(session.id) as stream:
        uses = {}
        events = list(sessions.events.list(session.id))
        known = {event.id for event in events}
        for event in itertools.chain(events, (event for event in stream if event.id not in known)):
            if event.type in ("agent.custom_tool_use", "agent.tool_use"):
                uses[event.id] = event
            if event.type != "session.status_idle":
                continue
            if event.stop_reason.type != "requires_action" or not answers:
                return list(sessions.events.list(session.id))
            open_ones = [uses[id] for id in event.stop_reason.event_ids]
            sent = sessions.events.send(session.id, events=[answered(use) for use in open_ones])
            routes.extend([one.session_thread_id == use.session_thread_id for one, use in zip(sent.data, open_ones)])


routes = []


def texts(event):
    return event.content[0].text


def rosters():
    read = agents.retrieve(lead.id)
    twin = agents.create(model=MODEL, name="Twin", multiagent={"type": "coordinator", "agents": [{"type": "self"}]})
    off = {"type": "disabled"}
    newer = {"type": "enabled", "inline_agents": off, "predefined_agents": [writer.id]}
    parts = {"type": "multiagent_20261001", "workflows": off, "advisor": off, "subagents": newer}
    newest = agents.create(model=MODEL, name="Newest", multiagent=parts)
    alone = agents.update(newest.id, version=1, multiagent=None)
    make = lambda *roster: agents.create(model=MODEL, name="x", multiagent={"type": "coordinator", "agents": roster})
    own = client.beta.environments.create(name="own", config={"type": "self_hosted"})
    return [
        [[one.id, one.version] for one in read.multiagent.agents] == [[one.id, 1] for one in (writer, runner, reporter)],
        [twin.multiagent.agents[0].id == twin.id, twin.multiagent.agents[0].version],
        [newest.multiagent.subagents.predefined_agents[0].id == writer.id, alone.multiagent, alone.version],
        refused(lambda: make(lead.id)),
        refused(lambda: make("agent_ffffffffffffffffffffffff")),
        refused(lambda: sessions.create(agent=lead.id, environment_id=own.id)),
    ]


step("rosters", rosters)

work = "ask Writer: hello\nask Runner: run: echo from-$((40+2))\nask Reporter: weather: Oslo"


def team():
    session = begin(work)
    events = rest(session)
    kinds = {event.type for event in events}
    created = [event for event in events if event.type == "session.thread_created"]
    threads = list(sessions.threads.list(session.id))
    primary, *others = threads
    states = [event for event in events if event.type.startswith("session.thread_status")]
    sent = [event for event in events if event.type == "agent.thread_message_sent"]
    received = [event for event in events if event.type == "agent.thread_message_received"]
    crossed = [event for event in events if event.type in ("agent.tool_use", "agent.custom_tool_use")]
    last = [texts(event) for event in events if event.type == "agent.message"][-1]
    whole = sessions.retrieve(session.id)
    usage = [event for event in events if event.type == "session.usage"][-1].usage
    return [
        [one.name for one in whole.agent.multiagent.agents],
        sorted(event.agent_name for event in created),
        [[one.agent.name, one.parent_thread_id == primary.id, one.status] for one in sorted(others, key=lambda t: t.agent.name)],
        [primary.parent_thread_id, primary.status, states[0].session_thread_id == primary.id],
        sorted([event.to_agent_name, texts(event)] for event in sent),
        sorted([event.from_agent_name, texts(event).strip()] for event in received),
        sorted([event.type, event.session_thread_id in [one.id for one in others]] for event in crossed),
        ["agent.tool_result" in kinds, all(word in last for word in ("You wrote: hello", "from-42", "rain"))],
        [whole.status, whole.usage.output_tokens == sum(one.usage.output_tokens for one in threads), usage.output_tokens == whole.usage.output_tokens],
        all(routes) and len(routes) >= 2,
        len({event.id for event in events}) == len(events),
        session.id in [one.id for one in sessions.list()] and len(list(sessions.list(agent_id=writer.id))) == 0,
    ]


step("team", team)


def thread():
    session = begin("ask Reporter: weather: Rome")
    events = rest(session, answers=False)
    use = [event for event in events if event.type == "agent.custom_tool_use"][0]
    child = use.session_thread_id
    before = [event.type for event in sessions.threads.events.list(child, session_id=session.id)]
    after = []
    with sessions.threads.events.stream(child, session_id=session.id) as stream:
        sessions.events.send(session.id, events=[answered(use)])
        for event in stream:
            after.append(event.type)
            if event.type == "session.thread_status_idle":
                break
    listed = [event.type for event in sessions.threads.events.list(child, session_id=session.id)]
    end = rest(session)[-1].stop_reason.type
    again = sessions.events.send(session.id, events=[answered(use)]).data[0].type
    kept = sessions.threads.archive(child, session_id=session.id)
    late = lambda: sessions.events.send(session.id, events=[{"type": "user.interrupt", "session_thread_id": child}])
    idle = [one.id for one in sessions.threads.list(session.id, statuses=["idle"])]
    return [before, after, listed == before + after, end, again, [kept.status, kept.archived_at is not None], refused(late), idle == [f"sthr_{session.id[5:]}"]]


step("thread", thread)


def interrupt():
    session = begin("ask Reporter: weather: Bonn\nask Runner: run: echo never")
    events = rest(session, answers=False)
    stop = events[-1].stop_reason
    uses = {event.id: event for event in events if event.type in ("agent.custom_tool_use", "agent.tool_use")}
    busy = refused(lambda: sessions.events.send(session.id, events=[say("go on")]))
    reporter_thread = [use.session_thread_id for use in uses.values() if use.type == "agent.custom_tool_use"][0]
    sent = sessions.events.send(session.id, events=[{"type": "user.interrupt", "session_thread_id": reporter_thread}])
    one = [sent.data[0].session_thread_id == reporter_thread, sessions.threads.retrieve(reporter_thread, session_id=session.id).status]
    types = [event.type for event in sessions.threads.events.list(reporter_thread, session_id=session.id)]
    sessions.events.send(session.id, events=[{"type": "user.interrupt"}])
    states = sorted(one.status for one in sessions.threads.list(session.id))
    end = rest(session)[-1]
    return [
        [stop.type, len(stop.event_ids)],
        busy,
        one,
        [types[-3:], states, end.type, end.stop_reason.type],
        refused(lambda: sessions.threads.retrieve("sthr_ffffffffffffffff", session_id=session.id)),
        refused(lambda: sessions.threads.archive(f"sthr_{session.id[5:]}", session_id=session.id)),
        sessions.delete(session.id).type,
        refused(lambda: sessions.retrieve(f"sesn_{reporter_thread[5:]}")),
    ]


step("interrupt", interrupt)
print(json.dumps(steps))
