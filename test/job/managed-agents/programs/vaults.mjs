// A program on the Anthropic SDK, unpatched, with tokens in a vault. The step has the name and the results of that of vaults.py.
import { agents, client, environments, idle, model, print, say, sessions, step } from './steps.mjs';

const tools = process.env.TOOL_SERVER;
const url = `${tools}/mcp`;
const { vaults } = client.beta;
const accept = async (token) => await fetch(`${tools}/accept/${token}`);
const allowed = { permission_policy: { type: 'always_allow' } };
const toolset = { type: 'mcp_toolset', mcp_server_name: 'local', default_config: allowed };
const mcp_servers = [{ type: 'url', name: 'local', url }];
const agent = await agents.create({ model, name: 'Caller', mcp_servers, tools: [toolset] });
const environment = await environments.create({ name: 'plain' });

/** The server that the program sees, and what the tool said. */
async function call(session) {
  const events = await idle(session, say('tool: mcp_local_whoami'));
  const uses = events.filter(({ type }) => type === 'agent.mcp_tool_use').map((use) => use.mcp_server_name);
  const results = events.filter(({ type }) => type === 'agent.mcp_tool_result');
  return [uses, results.map(({ content, is_error }) => [content[0].text, is_error])];
}

await step('bearer', async () => {
  await accept('bearer-token-1');
  const { id } = await vaults.create({ display_name: 'Bearer' });
  const auth = { type: 'static_bearer', token: 'bearer-token-1', mcp_server_url: url };
  const credential = await vaults.credentials.create(id, { auth });
  const session = await sessions.create({ agent: agent.id, environment_id: environment.id, vault_ids: [id] });
  const first = await call(session);
  await accept('bearer-token-2');
  const stale = await call(session);
  const changed = { type: 'static_bearer', token: 'bearer-token-2' };
  await vaults.credentials.update(credential.id, { vault_id: id, auth: changed });
  const rotated = await call(session);
  await vaults.archive(id);
  return [session.vault_ids.join() === id, first, stale, rotated, await call(session)];
});
print();
