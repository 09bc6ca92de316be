// @module-tag all
// One task done several times, with a real server and real sandboxes: compared, chosen, stopped, interrupted.
import { expect, test } from 'vitest';
import { Corral } from '../../../src/client/index.ts';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import { type FakeReply, type FakeRequest, isGrader, toolCall } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const fixed = { CORRAL_DRIVER: 'process', CORRAL_TEMPLATE: 'minimal' };
const settings = (url: string) => ({ ...fakeSettings('compatible', url), ...fixed });

/**
 * The good model writes the file that the goal requires and removes the old one; the lazy one only claims to be done.
 */
function replies(request: FakeRequest): FakeReply {
  const prompt = JSON.stringify(request.body.messages);
  if (isGrader(request)) return toolCall('give_verdict', { verdict: 'satisfied', score: 80, reason: 'It is there.' });
  if (!prompt.includes('ATTEMPT') || request.body.model === 'lazy' || prompt.includes('"tool_call_id"'))
    return { text: 'Done.' };
  return toolCall('shell_exec', { id: 'main', command: 'printf "new\\n" > made.txt; rm old.txt' });
}

test('attempts are compared by checks, score, files and cost, and the session gets exactly the files of one', async (context) => {
  await needs(context, 'bubblewrap');
  await using provider = await fakeProvider('compatible', replies);
  await using server = await composedServer(settings(provider.url));
  const corral = new Corral({ url: server.url });
  await using box = await corral.create({ files: { 'old.txt': 'old\n', 'kept/a.txt': 'a\n' } });
  await (await box.run('Say hello')).result();
  const goal = { rubric: 'The file is there.', checks: [{ command: 'cat made.txt' }], maxRevisions: 0 };
  const { id } = await box.attempts.start('ATTEMPT it', { attempts: [{}, { model: 'local/lazy' }], goal });
  await expect(box.attempts.start('ATTEMPT it again')).rejects.toMatchObject({ code: 'conflict' });
  const compared = await box.attempts.settled(id);
  expect(compared).toMatchObject({ phase: 'ended', begins: 'fork', best: 1, chosen: null });
  expect(compared.attempts).toMatchObject([
    {
      state: 'completed',
      result: {
        goal: { result: 'satisfied' },
        ...{ checks: [{ command: 'cat made.txt', result: 'passed' }], score: 80, files: 2, added: 1, removed: 1 },
      },
    },
    {
      ...{ state: 'completed', model: 'local/lazy' },
      result: { goal: { result: 'not_satisfied' }, checks: [{ result: 'missed' }], score: null, files: 0 },
    },
  ]);
  expect((await box.attempts.diff(id, 1)).text).toContain('+new');
  const children = await Array.fromAsync(corral.list({ parent: box.id }));
  expect(children.map((one) => one.id).sort()).toEqual(compared.attempts.map(({ sessionId }) => sessionId).sort());

  await expect(box.attempts.choose(id, 3)).rejects.toMatchObject({ code: 'not_found' });
  expect(await box.attempts.choose(id, 1, { others: 'delete' })).toMatchObject({ phase: 'chosen', chosen: 1 });
  const { stdout } = await box.exec('find . -name .corral -prune -o -type f -print | sort; cat made.txt');
  expect(stdout).toBe('./kept/a.txt\n./made.txt\nnew\n');
  const others = async () => (await box.attempts.get(id)).attempts.map(({ isGone }) => isGone);
  await expect.poll(others).toEqual([false, true]);
});

/**
 * The steps at which the server dies: those of `start` while attempts start and work, those of `choose` during the
 * choice.
 */
const points = [
  ...(['attempts.stored', 'delegate.recorded', 'fork.copied', 'fork.appended'] as const),
  ...(['delegate.created', 'delegate.copied', 'delegate.sent', 'attempts.stepped'] as const),
].map((point) => ['start', point] as const);
const choices = ['attempts.choosing', 'attempts.landed', 'attempts.taken', 'attempts.deleted'].map(
  (point) => ['choose', point] as const,
);
test.for([...points, ...choices].map(([during, point]) => ({ during, point })))(
  'attempts survive a server that dies in a $during at $point: each is there once, and the session has the files of the chosen one',
  { tags: ['nightly'] },
  async ({ during, point }) => {
    await using provider = await fakeProvider('compatible', replies);
    await using server = await serverProcess({ ...settings(provider.url), NODE_ENV: 'test' });
    const sessionId = await (async () => {
      const box = await new Corral({ url: server.url }).create({ keep: true, files: { 'old.txt': 'old\n' } });
      await (await box.run('Say hello')).result();
      box.close();
      return box.id;
    })();
    /** The server can die during any call. */
    const trying = async <Value>(work: (api: ReturnType<typeof openClient>) => Promise<Value>) => {
      using client = openClient(server.url, 'sse');
      return await work(client).catch(() => undefined);
    };
    const set = async () => (await trying((api) => api.attempts.list.query({ sessionId })))?.[0];
    const dying = {
      CORRAL_FAILPOINTS: `${point}=exit@${point === 'attempts.stored' ? 1 : during === 'start' ? 2 : 1}`,
    };
    if (during === 'start') {
      server.kill('SIGKILL');
      await server.restart(dying);
    }
    await trying((api) => api.attempts.start.mutate({ sessionId, task: 'ATTEMPT it', attempts: 3 }));
    if (during === 'start') await server.restart({ CORRAL_FAILPOINTS: '' });
    await expect.poll(async () => (await set())?.phase).toBe('ended');
    const id = (await set())?.id ?? '';
    if (during === 'choose') {
      server.kill('SIGKILL');
      await server.restart(dying);
    }
    await trying((api) => api.attempts.choose.mutate({ sessionId, id, n: 1, others: 'delete' }));
    if (during === 'choose') await server.restart({ CORRAL_FAILPOINTS: '' });
    const gone = async () => (await set())?.attempts.map(({ isGone }) => isGone);
    await expect.poll(gone).toEqual([false, true, true]);
    using client = openClient(server.url, 'sse');
    const { phase, attempts = [] } = (await set()) ?? {};
    expect(phase).toBe('chosen');
    const chosen = attempts[0]?.sessionId ?? '';
    const { items } = await client.sessions.list.query({ limit: 500 });
    expect(items.map((one) => one.id).sort()).toEqual([sessionId, chosen].sort());
    const { events } = await client.events.list.query({ sessionId: chosen, limit: 1_000 });
    const tasks = events.flatMap((one) => (one.type === 'message.user' ? [one.data.text] : []));
    expect(tasks.filter((text) => text.includes('ATTEMPT'))).toHaveLength(1);
    const { stdout } = await client.sandbox.exec.mutate({ sessionId, command: 'ls' });
    expect(stdout).toBe('made.txt\n');
    await client.sessions.delete.mutate({ id: sessionId });
    expect((await client.sessions.list.query({ limit: 500 })).items).toEqual([]);
  },
);
