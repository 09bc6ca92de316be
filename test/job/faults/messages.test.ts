// @module-tag all
// Messages that arrive while a run, a stop or a delete is under way, and budgets, through the whole server.
import { expect, test } from 'vitest';
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
