// A program on the Anthropic SDK, unpatched, that hears of its sessions by webhooks.
import { createServer } from 'node:http';
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic();
const heard = [];
const expected = 31;
const all = Promise.withResolvers();
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += part;
  response.writeHead(204).end();
  heard.push({ body, headers: request.headers });
  if (heard.length === expected) all.resolve();
});
await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));

const created = await fetch(`${process.env.CORRAL_URL}/api/v1/webhooks`, {
  method: 'POST',
  headers: { authorization: `Bearer ${process.env.ANTHROPIC_API_KEY}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    name: 'program',
    url: `http://127.0.0.1:${receiver.address().port}/`,
    format: 'managed-agents',
    events: [
      ...['run.started', 'run.ended', 'goal.judged', 'resource.changed', 'automation.changed', 'automation.paused'],
      ...['session.created', 'session.changed', 'session.archived'],
    ],
  }),
});
const { secret: key } = await created.json();
const agent = await client.beta.agents.create({ model: 'claude-sonnet-5-5', name: 'Coder' });
const environment = await client.beta.environments.create({ name: 'plain' });
const session = await client.beta.sessions.create({
  agent: agent.id,
  environment_id: environment.id,
  initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'Hello.' }] }],
});
const judged = await client.beta.sessions.create({
  agent: agent.id,
  environment_id: environment.id,
  initial_events: [
    { type: 'user.define_outcome', description: 'Write a poem.', rubric: { type: 'text', content: 'It rhymes.' } },
  ],
});
const { environments, vaults, memoryStores, sessions, deployments } = client.beta;
const quiet = await sessions.create({ agent: agent.id, environment_id: environment.id });
await sessions.update(quiet.id, { title: 'Quiet', metadata: { team: 'a' } });
await sessions.archive(quiet.id);
const deployment = await deployments.create({
  name: 'daily',
  agent: agent.id,
  environment_id: environment.id,
  initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'Hello.' }] }],
});
await deployments.update(deployment.id, { name: 'weekly' });
await deployments.pause(deployment.id);
await deployments.unpause(deployment.id);
await client.beta.agents.update(agent.id, { version: 1, system: 'Be brief.' });
await client.beta.agents.archive(agent.id);
const own = await environments.create({ name: 'own' });
await environments.delete(own.id);
const vault = await vaults.create({ display_name: 'Alice' });
const auth = { type: 'static_bearer', token: 'secret', mcp_server_url: 'https://mcp.example.com/mcp' };
const credential = await vaults.credentials.create(vault.id, { auth });
await vaults.archive(vault.id);
const store = await memoryStores.create({ name: 'Notes' });
await memoryStores.archive(store.id);
await memoryStores.delete(store.id);
await all.promise;

const events = heard.map(({ body, headers }) => client.beta.webhooks.unwrap(body, { headers, key }));
const [{ body, headers }] = heard.filter((_, n) => events[n].data.id === session.id);
const refused = (text, shown = headers, secret = key) => {
  try {
    client.beta.webhooks.unwrap(text, { headers: shown, key: secret });
    return false;
  } catch {
    return true;
  }
};
receiver.close();
const steps = {
  about: [agent, environment, own, vault, credential, store, session, judged, quiet, deployment].map(({ id }) =>
    events
      .filter(({ type, data }) => type === 'event' && data.id === id)
      .map(({ data }) => [data.type, ...(data.vault_id === vault.id ? ['in the vault'] : [])].join(' '))
      .sort(),
  ),
  fields: [...new Set(events.map((event) => [...Object.keys(event), ...Object.keys(event.data)].join()))].sort(),
  ids: heard.every(({ headers: shown }, n) => shown['webhook-id'] === events[n].id),
  refused: [
    refused(body.replace(session.id, 'sesn_0000000000000000')),
    refused(body, { ...headers, 'webhook-timestamp': '1700000000' }),
    refused(body, headers, `whsec_${Buffer.alloc(32).toString('base64')}`),
  ],
};
process.stdout.write(`${JSON.stringify(steps)}\n`);
