// A program on the Anthropic SDK, unpatched, that hears of its sessions by webhooks.
import { createServer } from 'node:http';
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic();
const heard = [];
const both = Promise.withResolvers();
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += part;
  response.writeHead(204).end();
  heard.push({ body, headers: request.headers });
  if (heard.length === 2) both.resolve();
});
await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));

const created = await fetch(`${process.env.CORRAL_URL}/api/v1/webhooks`, {
  method: 'POST',
  headers: { authorization: `Bearer ${process.env.ANTHROPIC_API_KEY}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    name: 'program',
    url: `http://127.0.0.1:${receiver.address().port}/`,
    format: 'managed-agents',
    events: ['run.started', 'run.ended'],
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
await both.promise;

const events = heard.map(({ body, headers }) => client.beta.webhooks.unwrap(body, { headers, key }));
const [{ body, headers }] = heard;
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
  types: events.map(({ data }) => data.type).sort(),
  about: events.every(({ type, data }) => type === 'event' && data.id === session.id),
  fields: [...new Set(events.map((event) => [...Object.keys(event), ...Object.keys(event.data)].join()))],
  ids: heard.every(({ headers: shown }, n) => shown['webhook-id'] === events[n].id),
  refused: [
    refused(body.replace(session.id, 'sesn_0000000000000000')),
    refused(body, { ...headers, 'webhook-timestamp': '1700000000' }),
    refused(body, headers, `whsec_${Buffer.alloc(32).toString('base64')}`),
  ],
};
process.stdout.write(`${JSON.stringify(steps)}\n`);
