// @module-tag all
// Agents that give work to other agents, with a real server that dies at each step of a delegation.
import { expect, onTestFinished, test, vi } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { FakeReply, FakeRequest, ScriptedReply } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { testRows } from '../../support/runner/tags.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { settingsFolder } from '../../support/stores/store.ts';

const children = 8;
const calls = (...all: (readonly [name: string, args: object])[]): ScriptedReply => ({
  calls: all.map(([name, args]) => ({ name, args: { ...args } as never })),
});

/** The parent starts eight children in one turn; each child writes a file and reports it. */
function replies({ body }: FakeRequest): FakeReply {
  const prompt = JSON.stringify(body.messages);
  const [, child] = /CHILD (\d)/.exec(prompt) ?? [];
  if (prompt.includes('LEAD')) {
    if (prompt.includes('words of child 7')) return { text: 'All done.' };
    const tasks = Array.from(
      { length: children },
      (_, n) => ['delegate', { task: `CHILD ${n}`, files: 'none' }] as const,
    );
    return calls(...tasks);
  }
  return { text: `The words of child ${child}.` };
}

/** A server with the template `lead`, whose agents delegate. */
const lead = () =>
  settingsFolder({
    'templates/lead.yaml': `mode: react\nchildren: ${children}\nsession: {turn-budget: 60}\n`,
  });

testRows(['delegate.created', 'delegate.recorded', 'delegate.copied', 'delegate.sent', 'effect.outcome.before'])(
  'a server that dies at %s has each of eight children once after its restart',
  async (point) => {
    await using provider = await fakeProvider('compatible', replies);
    using folder = lead();
    const dying = { CORRAL_CONFIG: folder.config, NODE_ENV: 'test', CORRAL_FAILPOINTS: `${point}=exit@3` };
    await using server = await serverProcess({
      CORRAL_DRIVER: 'memory',
      ...fakeSettings('compatible', provider.url),
      ...dying,
    });
    const create = async () => {
      using client = openClient(server.url, 'sse');
      return await client.sessions.create.mutate({ template: 'lead', task: 'LEAD the work' });
    };
    const { id } = await create();
    await server.restart({ CORRAL_FAILPOINTS: '' });
    using client = openClient(server.url, 'ws');
    const status = async () => (await client.sessions.get.query({ id })).status;
    await expect.poll(status).toBe('completed');
    const all = (await client.sessions.list.query({ limit: 500 })).items.filter(
      ({ parent }) => parent?.sessionId === id,
    );
    expect(all.map(({ lastTask }) => lastTask).sort()).toEqual(
      Array.from({ length: children }, (_, n) => `CHILD ${n}`),
    );
    for (const child of all) {
      expect(child).toMatchObject({ status: 'completed', outcome: { status: 'completed' }, parent: { depth: 1 } });
      const { events } = await client.events.list.query({ sessionId: child.id, limit: 1_000 });
      expect(events.filter(({ type }) => type === 'message.user')).toHaveLength(1);
      expect(events.filter(({ type }) => type === 'run.started')).toHaveLength(1);
    }
    const { events } = await client.events.list.query({ sessionId: id, limit: 1_000 });
    const ends = events.flatMap((it) => (it.type === 'tool.called' ? [it.data.success] : []));
    expect(ends).toEqual(Array.from({ length: children }, () => true));
    await client.sessions.delete.mutate({ id });
    expect((await client.sessions.list.query({ limit: 500 })).items).toEqual([]);
  },
);

test('a stop and a budget go down the tree', async () => {
  const asking = ({ body }: FakeRequest): FakeReply => {
    const prompt = JSON.stringify(body.messages);
    const isFirst = prompt.includes('LEAD') && !prompt.includes('Started child');
    if (!isFirst) return calls(['message_ask_user', { text: 'What now?' }]);
    return calls(['delegate', { task: 'CHILD 1', files: 'none', wait: false, budget: { turns: 500 } }]);
  };
  await using provider = await fakeProvider('compatible', asking);
  using folder = lead();
  vi.stubEnv('CORRAL_CONFIG', folder.config);
  onTestFinished(() => void vi.unstubAllEnvs());
  await using server = await composedServer(fakeSettings('compatible', provider.url));
  using client = openClient(server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ template: 'lead', task: 'LEAD the work' });
  const childOf = async () =>
    (await client.sessions.list.query({ limit: 500 })).items.find(({ parent }) => parent?.sessionId === id);
  await expect.poll(async () => (await childOf())?.status).toBe('waiting');
  const agent = await client.sessions.agent.query({ id: (await childOf())?.id ?? '' });
  expect(agent.template).toBe('lead');
  expect(agent.budgets.session.turns).toBeLessThan(60);
  await client.runs.stop.mutate({ sessionId: id });
  await expect.poll(async () => (await childOf())?.outcome?.status).toBe('stopped');
});
