// @module-tag nightly
// A server that is killed at each step of a delegation to eight children, with a model that reports half of its usage.
import { expect, test } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { halfUsage } from '../../support/agents/half-usage.ts';
import { leadSettings } from '../../support/agents/lead-template.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const children = 8;
const limit = 800_000; // tokens of the whole tree
const share = limit / 10;

/** The parent starts eight children at once. Then all of them talk until their budget is spent. */
function greedyModel() {
  let words = 0;
  return halfUsage((_request, said) => {
    const isFirst = said.includes('LEAD') && !said.includes('"tool_call_id"');
    const tasks = Array.from({ length: children }, (_, n) => ({
      name: 'delegate',
      args: { task: `CHILD ${n}`, files: 'none', wait: false, budget: { tokens: share } } as never,
    }));
    const talk = [{ name: 'message_notify_user', args: { text: `Words number ${words++}.` } as never }];
    return { calls: isFirst ? tasks : talk };
  });
}

/** Each step of a start, of the first, a middle and the last child; and moments between them, by appends to the log. */
const steps = ['effect.intent.after', 'delegate.recorded', 'delegate.created', 'delegate.copied', 'delegate.sent'];
const kills = [
  ...[...steps, 'effect.outcome.before'].flatMap((point) => [1, 4, 8].map((hit) => `${point}=exit@${hit}`)),
  ...['store.append.before', 'store.append.after'].flatMap((point) =>
    [12, 40, 80].map((hit) => `${point}=exit@${hit}`),
  ),
];

test.each(kills)(
  'after a kill at %s each of eight children is there once, none is left alone, and all stay within the budget of their root',
  async (kill) => {
    const model = greedyModel();
    await using provider = await fakeProvider('compatible', model.reply);
    using folder = temporaryFolder();
    const given = leadSettings(folder.path, provider.url, { children, session: `token-budget: ${limit}` });
    await using server = await serverProcess(given);
    const id = await (async () => {
      using client = openClient(server.url, 'sse');
      return (await client.sessions.create.mutate({ template: 'lead' })).id;
    })();
    server.kill('SIGKILL');
    await server.restart({ CORRAL_FAILPOINTS: kill });
    {
      using client = openClient(server.url, 'sse');
      await client.runs.send.mutate({ sessionId: id, text: 'LEAD the work' }).catch(() => {}); // it can die meanwhile
    }
    await server.restart({ CORRAL_FAILPOINTS: '' });
    using client = openClient(server.url, 'ws');
    const all = async () => (await client.sessions.list.query({ limit: 500 })).items;
    const states = async () => (await all()).map(({ status }) => status);
    const waiting = Array.from({ length: children + 1 }, () => 'waiting');
    await expect.poll(states).toEqual(waiting);

    const own = (await all()).filter((one) => one.parent?.sessionId === id);
    const tasks = Array.from({ length: children }, (_, n) => `CHILD ${n}`);
    expect(own.map(({ lastTask }) => lastTask).sort()).toEqual(tasks);
    for (const session of await all()) {
      const { events } = await client.events.list.query({ sessionId: session.id, limit: 1_000 });
      expect(events.filter(({ type }) => type === 'message.user')).toHaveLength(1);
      expect(events.filter(({ type }) => type === 'run.started')).toHaveLength(1);
      const wait = events.findLast(({ type }) => type === 'run.wait')?.data;
      expect(wait).toMatchObject({ reason: 'budget', budget: { scope: 'session', kind: 'tokens' } });
    }
    expect(model.counted()).toBeGreaterThan(limit / 3);
    expect(model.counted()).toBeLessThanOrEqual(limit);

    await client.runs.stop.mutate({ sessionId: id });
    const outcomes = async () => (await all()).map(({ outcome }) => outcome?.status);
    await expect.poll(outcomes).toEqual(waiting.map(() => 'stopped'));
    await client.sessions.delete.mutate({ id });
    expect(await all()).toEqual([]);
  },
);
