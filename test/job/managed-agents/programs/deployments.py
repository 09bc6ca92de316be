# A program on the Anthropic SDK, unpatched, that has an agent work by itself.
import json
import time

from steps import MODEL, client, refused, say, step, steps

deployments = client.beta.deployments
runs = client.beta.deployment_runs


environment = client.beta.environments.create(name="plain")


def agent_named(name):
    return client.beta.agents.create(model=MODEL, name=name, tools=[{"type": "agent_toolset_20260401"}])


agent = agent_named("Reporter")
weekdays = {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "Europe/Paris"}


def crud():
    made = deployments.create(
        name="daily",
        agent=agent.id,
        environment_id=environment.id,
        initial_events=[say("Write the report.")],
        schedule=weekdays,
        metadata={"team": "a"},
    )
    hours = {at.astimezone(__import__("zoneinfo").ZoneInfo("Europe/Paris")).hour for at in made.schedule.upcoming_runs_at}
    changed = deployments.update(made.id, description="Each day", metadata={"team": None, "by": "b"}, schedule=None)
    read = deployments.retrieve(made.id)
    client.beta.agents.update(agent.id, version=1, system="Be brief.")
    pinned = deployments.retrieve(made.id).agent.version
    moved = deployments.update(made.id, agent=agent.id, name="weekly").agent.version
    paused = deployments.pause(made.id)
    listed = [
        [one.id for one in deployments.list(status="paused")] == [made.id],
        [one.id for one in deployments.list(status="active")],
        [one.id for one in deployments.list(agent_id=agent.id, limit=1)] == [made.id],
        [one.id for one in deployments.list(agent_id="agent_000000000000000000000000")],
    ]
    active = deployments.unpause(made.id)
    archived = deployments.archive(made.id)
    again = deployments.archive(made.id)
    hidden = [one.id for one in deployments.list()]
    shown = [one.id for one in deployments.list(include_archived=True)] == [made.id]
    return [
        [made.status, made.agent.version, made.schedule.last_run_at, len(made.schedule.upcoming_runs_at), list(hours)],
        [changed.description, changed.metadata, changed.schedule, read.initial_events[0].content[0].text],
        [pinned, moved, paused.status, paused.paused_reason.type, active.status, active.paused_reason],
        listed,
        [archived.archived_at is not None, again.archived_at == archived.archived_at, hidden, shown],
        refused(lambda: deployments.run(made.id)),
        refused(lambda: deployments.update(made.id, name="x")),
        refused(lambda: deployments.unpause(made.id)),
    ]


step("crud", crud)


def until(look):
    while not (found := look()):
        time.sleep(0.2)
    return found


def work():
    made = deployments.create(
        name="at once",
        agent={"type": "agent", "id": agent.id, "version": 1},
        environment_id=environment.id,
        initial_events=[say("Good morning."), say("run: echo from the run")],
    )
    deployments.pause(made.id)
    run = deployments.run(made.id)
    read = runs.retrieve(run.id)

    def replies():
        events = list(client.beta.sessions.events.list(run.session_id))
        messages = [event.content[0].text for event in events if event.type == "agent.message"]
        return len(messages) == 3 and events[-1].type == "session.status_idle" and messages

    messages = until(replies)
    session = client.beta.sessions.retrieve(run.session_id)
    return [
        [run.trigger_context.type, run.error, run.agent.id == agent.id, run.agent.version, read.session_id == run.session_id],
        [session.deployment_id == made.id, session.title, session.agent.version, messages],
        [one.id for one in runs.list(deployment_id=made.id)] == [run.id],
        [one.id for one in runs.list(deployment_id=made.id, has_error=True)],
        [one.id for one in runs.list(trigger_type="schedule")],
        [one.id for one in runs.list(deployment_id="depl_000000000000")],
        [one.id for one in client.beta.sessions.list(deployment_id=made.id)] == [run.session_id],
        [one.id for one in client.beta.sessions.list(deployment_id="depl_000000000000")],
    ]


step("work", work)


def failure():
    gone = client.beta.environments.create(name="gone")
    made = deployments.create(name="fails", agent=agent.id, environment_id=gone.id, initial_events=[say("Hi.")])
    client.beta.environments.archive(gone.id)
    run = deployments.run(made.id)
    client.beta.environments.delete(gone.id)
    second = deployments.run(made.id)
    return [
        [run.session_id, run.error.type, second.error.type],
        deployments.retrieve(made.id).status,
        len(list(runs.list(deployment_id=made.id, has_error=True))),
    ]


step("failure", failure)


def with_agent():
    other = agent_named("Other")
    made = deployments.create(
        name="ends", agent=other.id, environment_id=environment.id, initial_events=[say("Hi.")], schedule=weekdays
    )
    client.beta.agents.archive(other.id)
    found = deployments.retrieve(made.id)
    return [found.archived_at is not None, found.schedule.upcoming_runs_at, found.status]


step("with_agent", with_agent)


def errors():
    def create(**more):
        options = {
            "name": "x",
            "agent": agent.id,
            "environment_id": environment.id,
            "initial_events": [say("Hi.")],
            **more,
        }
        return refused(lambda: deployments.create(**options))

    return [
        create(agent="agent_000000000000000000000000"),
        create(agent={"type": "agent", "id": agent.id, "version": 99}),
        create(environment_id="env_000000000000000000000000"),
        create(initial_events=[]),
        create(initial_events=[{"type": "user.interrupt"}]),
        create(vault_ids=["vlt_000000000000000000000000"]),
        create(name=""),
        create(schedule={"type": "cron", "expression": "@daily", "timezone": "UTC"}),
        refused(lambda: deployments.retrieve("depl_000000000000")),
        refused(lambda: deployments.list(limit=101)),
        refused(lambda: runs.retrieve("drun_000000000000x000000000000")),
        refused(lambda: runs.list(limit=1001)),
    ]


step("errors", errors)


def cron():
    """The schedule starts the agent by itself, at the next minute."""
    own = agent_named("Early")
    made = deployments.create(
        name="each minute",
        agent=own.id,
        environment_id=environment.id,
        initial_events=[say("Good morning.")],
        schedule={"type": "cron", "expression": "* * * * *", "timezone": "UTC"},
    )
    run = until(lambda: next(iter(runs.list(deployment_id=made.id, trigger_type="schedule")), None))
    deployments.pause(made.id)

    def rested():
        found = list(client.beta.sessions.events.list(run.session_id))
        return found and found[-1].type == "session.status_idle" and found

    events = until(rested)
    known = deployments.retrieve(made.id)
    session = client.beta.sessions.retrieve(run.session_id)
    replies = [event.content[0].text for event in events if event.type == "agent.message"]
    return [
        [run.trigger_context.type, run.trigger_context.scheduled_at in made.schedule.upcoming_runs_at, run.error],
        [session.deployment_id == made.id, replies, known.schedule.last_run_at is not None],
        [known.status, runs.retrieve(run.id).session_id == session.id],
    ]


step("cron", cron)
print(json.dumps(steps))
