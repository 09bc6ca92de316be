# A program on the Anthropic SDK, unpatched, whose agent has a tool server that demands a token.
import datetime
import json
import os
import urllib.request

from steps import MODEL, client, idle, refused, say, step, steps

vaults = client.beta.vaults
TOOLS = os.environ["TOOL_SERVER"]
URL = f"{TOOLS}/mcp"


def accept(token):
    urllib.request.urlopen(f"{TOOLS}/accept/{token}").read()


def crud():
    vault = vaults.create(display_name="Alice", metadata={"team": "a"})
    changed = vaults.update(vault.id, display_name="Alice B.", metadata={"team": None, "user": "1"})
    read = vaults.retrieve(vault.id)
    listed = [one.id for one in vaults.list(limit=1)]
    auth = {"type": "static_bearer", "token": "first-secret-1", "mcp_server_url": "https://MCP.example.com:443/mcp/"}
    made = vaults.credentials.create(vault_id=vault.id, auth=auth, display_name="Example")
    again = refused(lambda: vaults.credentials.create(vault_id=vault.id, auth={**auth, "mcp_server_url": "https://mcp.example.com/mcp"}))
    other = vaults.credentials.update(made.id, vault_id=vault.id, display_name="Other", auth={"type": "static_bearer", "token": "second-secret-2"})
    same = vaults.credentials.retrieve(made.id, vault_id=vault.id)
    archived = vaults.credentials.archive(made.id, vault_id=vault.id)
    hidden = [one.id for one in vaults.credentials.list(vault.id)]
    shown = [one.id for one in vaults.credentials.list(vault.id, include_archived=True)]
    gone = vaults.credentials.delete(made.id, vault_id=vault.id)
    variable = {"type": "environment_variable", "secret_name": "KEY", "secret_value": "third-secret-3", "networking": {"type": "unrestricted"}}
    kept = vaults.credentials.create(vault_id=vault.id, auth=variable)
    less = {"type": "environment_variable", "injection_location": {"body": False}}
    places = vaults.credentials.update(kept.id, vault_id=vault.id, auth=less).auth.injection_location
    wrong = refused(lambda: vaults.credentials.create(vault_id=vault.id, auth=variable))
    ended = vaults.archive(vault.id)
    late = refused(lambda: vaults.credentials.create(vault_id=vault.id, auth=auth))
    removed = vaults.delete(vault.id)
    return [
        [changed.display_name, read.metadata, vault.id in listed],
        [made.auth.type, made.display_name, other.display_name, same.auth.mcp_server_url],
        [again, archived.archived_at is not None, hidden, shown == [made.id], gone.type],
        [kept.auth.secret_name, places.header, places.body],
        [wrong, ended.archived_at is not None, late, removed.type, refused(lambda: vaults.retrieve(vault.id))],
    ]


step("crud", crud)

server = {"type": "url", "name": "local", "url": URL}
toolset = {"type": "mcp_toolset", "mcp_server_name": "local", "default_config": {"permission_policy": {"type": "always_allow"}}}
agent = client.beta.agents.create(model=MODEL, name="Caller", mcp_servers=[server], tools=[toolset])
environment = client.beta.environments.create(name="plain")


def session_with(*ids):
    return client.beta.sessions.create(agent=agent.id, environment_id=environment.id, vault_ids=list(ids))


def call(session):
    """The server that the program sees, and the tool's output."""
    events = idle(session, [say("tool: mcp_local_whoami")])
    uses = [event.mcp_server_name for event in events if event.type == "agent.mcp_tool_use"]
    results = [event for event in events if event.type == "agent.mcp_tool_result"]
    return [uses, [[one.content[0].text, one.is_error] for one in results]]


def bearer():
    accept("bearer-token-1")
    vault = vaults.create(display_name="Bearer")
    credential = vaults.credentials.create(
        vault_id=vault.id, auth={"type": "static_bearer", "token": "bearer-token-1", "mcp_server_url": URL}
    )
    session = session_with(vault.id)
    first = call(session)
    accept("bearer-token-2")
    stale = call(session)
    vaults.credentials.update(credential.id, vault_id=vault.id, auth={"type": "static_bearer", "token": "bearer-token-2"})
    rotated = call(session)
    vaults.archive(vault.id)
    ended = call(session)
    return [session.vault_ids == [vault.id], first, stale, rotated, ended]


step("bearer", bearer)


def soon(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def oauth():
    accept("nobody-1")
    vault = vaults.create(display_name="OAuth")
    refresh = {
        "client_id": "program",
        "refresh_token": "refresh-token-0",
        "token_endpoint": f"{TOOLS}/token",
        "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "client-secret-1"},
    }
    auth = {"type": "mcp_oauth", "access_token": "old-token-9", "mcp_server_url": URL, "expires_at": soon(20), "refresh": refresh}
    credential = vaults.credentials.create(vault_id=vault.id, auth=auth)
    session = session_with(vault.id)
    expired = call(session)
    known = vaults.credentials.retrieve(credential.id, vault_id=vault.id)
    valid = vaults.credentials.mcp_oauth_validate(credential.id, vault_id=vault.id)
    accept("nobody-2")
    again = call(session)
    accept("nobody-3")
    mended = vaults.credentials.mcp_oauth_validate(credential.id, vault_id=vault.id)
    wrong = {"type": "mcp_oauth", "refresh": {"refresh_token": "wrong-token-7"}}
    vaults.credentials.update(credential.id, vault_id=vault.id, auth=wrong)
    accept("nobody-4")
    failed = vaults.credentials.mcp_oauth_validate(credential.id, vault_id=vault.id)
    answer = failed.refresh.http_response
    return [
        expired,
        [known.auth.expires_at > datetime.datetime.fromisoformat(soon(3000)), valid.status, valid.mcp_probe, valid.refresh],
        again,
        [mended.status, mended.mcp_probe, mended.refresh.status],
        [failed.status, failed.has_refresh_token, failed.mcp_probe.method, failed.mcp_probe.http_response.status_code],
        [failed.refresh.status, answer.status_code, "invalid_grant" in answer.body, "wrong-token-7" in answer.body],
    ]


step("oauth", oauth)


def errors():
    vault = vaults.create(display_name="Ended")
    session = session_with(vault.id)
    later = refused(lambda: client.beta.sessions.update(session.id, vault_ids=[]))
    vaults.archive(vault.id)
    return [
        later,
        refused(lambda: session_with(vault.id)),
        refused(lambda: session_with("vlt_000000000000000000000000")),
        refused(lambda: vaults.list(limit=101)),
    ]


step("errors", errors)


def failures():
    accept("nobody-5")
    away = {"type": "url", "name": "away", "url": "http://127.0.0.1:9/mcp"}
    toolsets = [{**toolset, "mcp_server_name": name} for name in ("local", "away")]
    both = client.beta.agents.create(model=MODEL, name="Both", mcp_servers=[server, away], tools=toolsets)
    session = client.beta.sessions.create(agent=both.id, environment_id=environment.id)
    events = idle(session, [say("Hello")])
    errors = [event.error for event in events if event.type == "session.error"]
    replies = [event.content[0].text for event in events if event.type == "agent.message"]
    return [sorted([error.mcp_server_name, error.type, error.retry_status.type] for error in errors), replies, events[-1].stop_reason.type]


step("failures", failures)
print(json.dumps(steps))
