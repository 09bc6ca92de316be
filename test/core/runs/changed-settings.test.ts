import { expect, test } from 'vitest';
import type { CorralClient } from '../../../src/client/index.ts';
import { fence } from '../../support/clients/api.ts';
import { call } from '../../support/clients/call.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { replicas } from '../../support/stores/replicas.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const ask = (url: string, method: string, key = '', value?: unknown, token?: string) => {
  const address = `${url}/api/v1/server-settings${key && `/${key}`}`;
  return call(method, address, { ...(token && { token }), ...(value !== undefined && { body: { value } }) });
};
async function outputs(client: CorralClient, sessionId: string): Promise<string[]> {
  const { events } = await client.events.list.query({ sessionId, limit: 1_000 });
  return events.flatMap((event) => (event.type === 'tool.called' ? [event.data.output] : []));
}
async function asks(client: CorralClient, sessionId: string): Promise<number> {
  const { events } = await client.events.list.query({ sessionId, limit: 1_000 });
  return events.filter(({ type }) => type === 'approval.requested').length;
}
/** The output of the newest call, once there are this many. */
async function newest(client: CorralClient, id: string, count: number): Promise<string | undefined> {
  await expect.poll(async () => (await outputs(client, id)).length).toBe(count);
  return (await outputs(client, id)).at(-1);
}

test('a rule that is entered in the running server decides in sessions that are there already, and after a restart', async () => {
  using folder = temporaryFolder();
  let id = '';
  {
    await using server = await composedServer({}, folder.path);
    using client = openClient(server.url, 'sse');
    ({ id } = await client.sessions.create.mutate({}));
    await client.runs.send.mutate({ sessionId: id, text: fence('sh', 'echo one') });
    expect(await newest(client, id, 1)).toContain('one');
    const rules = [{ action: 'deny', tool: 'shell_exec', pattern: 'echo *' }];
    const expected = { status: 200, body: { value: rules, from: 'page', setBy: null } };
    expect(await ask(server.url, 'PUT', 'approvals.rules', rules)).toMatchObject(expected);
    await client.runs.send.mutate({ sessionId: id, text: fence('sh', 'echo two') });
    expect(await newest(client, id, 2)).toContain('a rule of this server denies shell_exec with echo *');
  }
  await using server = await composedServer({}, folder.path);
  using client = openClient(server.url, 'sse');
  await client.runs.send.mutate({ sessionId: id, text: fence('sh', 'echo three') });
  expect(await newest(client, id, 3)).toContain('a rule of this server denies');
  await client.settings.change.mutate({ key: 'approvals.rules', value: [{ action: 'ask', tool: 'shell_*' }] });
  await client.runs.send.mutate({ sessionId: id, text: fence('sh', 'echo four') });
  await expect.poll(() => asks(client, id)).toBe(1);
});

test('template, tools, budgets and hosts that are entered in the running server are those of its sessions', async () => {
  await using server = await composedServer({ CORRAL_EGRESS_POLICY: '' });
  using client = openClient(server.url, 'sse');
  const { id: before } = await client.sessions.create.mutate({});
  const change = (key: string, value: never) => client.settings.change.mutate({ key, value });
  await change('template', 'minimal' as never);
  await change('tools.deny', ['shell_exec', 'browser_*'] as never);
  await change('session.token-budget', 5_000 as never);
  await change('egress.policy', 'allow-list' as never);
  await change('egress.allow', ['good.example.org'] as never);
  const { id: after } = await client.sessions.create.mutate({});
  expect((await client.sessions.agent.query({ id: after })).template).toBe('minimal');
  const agent = await client.sessions.agent.query({ id: before });
  expect(agent).toMatchObject({ template: 'default', budgets: { session: { tokens: 5_000 } } });
  expect(agent.tools).toContain('file_read');
  expect(agent.tools.filter((name) => name === 'shell_exec' || name.startsWith('browser_'))).toEqual([]);
  const expected = { policy: 'allow-list', entries: ['good.example.org'] };
  expect(await client.egress.inForce.query({ sessionId: before })).toMatchObject(expected);
  await client.settings.reset.mutate({ key: 'tools.deny' });
  expect((await client.sessions.agent.query({ id: before })).tools).toContain('shell_exec');
});

test('a setting that is changed at one server counts at the others of its store without a restart', async () => {
  await using servers = await replicas();
  const one = await servers.another();
  const other = await servers.another();
  await one.core.services.settings.change('max-steps', 7);
  await expect.poll(() => other.core.live.now.maxSteps).toBe(7);
  await other.core.services.settings.reset('max-steps');
  await expect.poll(() => one.core.live.now.maxSteps).toBe(100);
});
