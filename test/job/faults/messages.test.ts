// @module-tag all
// Messages that arrive while a run, a stop or a delete is under way, and budgets, through the whole server.
import { describe, expect, test } from 'vitest';
import type { FactType, SessionEvent } from '../../../src/core/model/events.ts';
import { api, fence, storedEvents } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { reaches } from '../../support/servers/real-server.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

const memory = { CORRAL_DRIVER: 'memory', CORRAL_RATE_LIMIT_PER_MINUTE: '0' };
const sh = (command: string) => fence('sh', command);

async function session(server: ServerProcess) {
  const client = api(server.url);
  const id = await client.create();
  const log = () => storedEvents(server.data, id);
  const of = <Type extends FactType>(type: Type) =>
    log().filter((event): event is Extract<SessionEvent, { type: Type }> => event.type === type);
  return {
    id,
    client,
    log,
    of,
    send: (message: string, mode?: string) => client.send(id, message, mode),
    chat: (message: string) => client.chat(id, message),
    reaches: (type: FactType, count: number) => reaches(() => of(type).length >= count),
    outputs: () => of('tool.called').map(({ data }) => data.output),
  };
}

describe('a message', () => {
  test('F111 in each mode and at each moment is read by one run, answered once, and never lost', async () => {
    await using server = await serverProcess(memory);
    {
      const it = await session(server); // inject: the active run takes the message
      await it.send(sh('sleep 1; echo first'));
      await it.reaches('tool.calling', 1);
      await it.send(sh('echo second'), 'inject');
      await it.reaches('run.end', 1);
      expect(it.outputs()).toEqual(['first\n', 'second\n']);
      expect(it.of('run.started')).toHaveLength(1);
      expect(problemsOf(it.log())).toEqual([]);
    }
    {
      const it = await session(server); // queue: the message gets its own run afterwards
      await it.send(sh('sleep 1; echo first'));
      await it.reaches('tool.calling', 1);
      await it.send(sh('echo second'), 'queue');
      await it.reaches('run.end', 2);
      const order = it.log().flatMap(({ type }) => (type === 'run.started' || type === 'run.end' ? [type] : []));
      expect(order).toEqual(['run.started', 'run.end', 'run.started', 'run.end']);
      expect(it.outputs()).toEqual(['first\n', 'second\n']);
      expect(problemsOf(it.log())).toEqual([]);
    }
    {
      const it = await session(server); // replace: its run comes before the queued ones
      await it.send(sh('sleep 60'));
      await it.reaches('tool.calling', 1);
      await it.send(sh('echo third'), 'queue');
      await it.send(sh('echo second'), 'replace');
      await it.reaches('run.end', 3);
      expect(it.of('run.end').map(({ data }) => data.reason)).toEqual(['superseded', 'completed', 'completed']);
      expect(it.outputs().slice(1)).toEqual(['second\n', 'third\n']);
      expect(problemsOf(it.log())).toEqual([]);
    }
    for (const mode of ['inject', 'queue', 'replace']) {
      const it = await session(server); // during a wait: the message is the answer
      await it.send(fence('ask', 'Which?'));
      await it.reaches('run.wait', 1);
      await it.send('This one', mode);
      await it.reaches('run.end', 1);
      expect(it.of('run.resumed'), mode).toHaveLength(1);
      expect(it.of('run.started'), mode).toHaveLength(1);
      expect(JSON.stringify(it.of('message.assistant')), mode).toContain('This one');
      expect(problemsOf(it.log())).toEqual([]);
    }
    {
      const it = await session(server); // during a stop, and after a delete
      await it.send(sh('sleep 60'));
      await it.reaches('tool.calling', 1);
      const stopping = it.client.stop(it.id);
      await it.send(sh('echo after'));
      await stopping;
      const runId = it.of('message.user').at(-1)?.runId; // the stopped run's id if the message came before the stop
      await reaches(() => it.of('run.end').some((end) => end.runId === runId));
      if (it.of('run.started').length > 1) expect(it.outputs().at(-1)).toBe('after\n');
      expect(problemsOf(it.log())).toEqual([]);
      await it.client.remove(it.id);
      expect(await it.client.ask('POST', `/${it.id}/chat`, { message: 'x' })).toMatchObject({ status: 404 });
    }
    {
      const it = await session(server); // shortly before and after the end of a run
      for (let n = 0; n < 20; n++) await it.send(sh(`echo ${n}`));
      await reaches(async () => (await it.client.status(it.id)) === 'completed');
      expect(it.outputs()).toEqual(Array.from({ length: 20 }, (_, n) => `${n}\n`));
      expect(problemsOf(it.log())).toEqual([]);
    }
  });
});

test('F112 over the queue limit is 429, and each accepted one of a thousand at once gets an answer', {
  tags: ['nightly'],
}, async () => {
  await using server = await serverProcess(memory);
  const it = await session(server);
  await it.send(sh('sleep 20'));
  await it.reaches('tool.calling', 1);
  const taken: string[] = [];
  const refused: string[] = [];
  const say = (text: string) =>
    it.send(text, 'queue').then(
      () => taken.push(text),
      (thrown: Error) => refused.push(thrown.message),
    );
  for (let n = 0; n < 1_000; n += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => say(`No. ${n + k}.`)));
  expect(it.of('run.end'), 'all of them came during one run').toEqual([]);
  expect([taken.length, refused.length]).toEqual([100, 900]);
  expect(refused.filter((message) => !message.startsWith('chat: 429'))).toEqual([]);
  expect(
    it
      .of('message.user')
      .slice(1)
      .map(({ data }) => data.text)
      .sort(),
  ).toEqual(taken.toSorted());

  await it.reaches('run.end', 101);
  const runs = it.of('run.end').map(({ runId }) => runId);
  expect(it.of('message.user').filter(({ runId }) => !runs.includes(runId))).toEqual([]);
  expect(problemsOf(it.log())).toEqual([]);
  expect(it.of('run.end').filter(({ data }) => data.status !== 'completed')).toEqual([]);
  const answered = new Set(it.of('message.assistant').map(({ runId }) => runId));
  expect(it.of('message.user').filter(({ runId }) => !answered.has(runId))).toEqual([]);
});

describe('a budget', () => {
  test.for([
    [{ CORRAL_MAX_STEPS: '2' }, /2 model turns/],
    [{ CORRAL_RUN_TOKEN_BUDGET: '30' }, /30 tokens/],
    [{ CORRAL_RUN_TIMEOUT_SECONDS: '1' }, /time budget of 1 s/],
  ] as const)(
    'F084 that is used up (%o) ends in a question, and the next message continues the run',
    async ([setting, question]) => {
      await using server = await serverProcess({ ...memory, ...setting });
      const it = await session(server);
      const steps = ['one', 'two', 'three'].map((word) => sh(`sleep 0.4; echo ${word}`)).join('\n');
      const frames = await it.chat(steps);
      expect(frames.at(-1)?.event).toBe('wait');
      expect(it.of('run.wait')[0]?.data.question).toMatch(question);
      expect(it.of('run.end')).toEqual([]);
      for (let more = 0; more < 20 && it.of('run.end').length === 0; more++) await it.chat('Go on');
      expect(it.of('run.end')).toMatchObject([{ data: { status: 'completed' } }]);
      expect(it.outputs().slice(0, 3)).toEqual(['one\n', 'two\n', 'three\n']);
      expect(problemsOf(it.log())).toEqual([]);
    },
  );
});
