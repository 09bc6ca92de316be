import { expect, test } from 'vitest';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { fence } from '../../support/clients/api.ts';
import { composeCore } from '../../support/servers/composed.ts';

test('a stopped command appears after the earlier commands of its shell', async () => {
  await using server = await composeCore();
  const { sessions } = server.core.services;
  const { id } = await sessions.create({ origin: 'trpc' });
  const events = async () => {
    const all: SessionEvent[] = [];
    for await (const event of sessions.history(id)) all.push(event);
    return all;
  };
  const send = (command: string) => sessions.send(id, { text: fence('sh', command), mode: 'queue' });
  const sees = (type: SessionEvent['type'], times: number) =>
    expect.poll(async () => (await events()).filter((event) => event.type === type).length).toBe(times);
  await send('echo first');
  await sees('run.end', 1);
  await send('echo second; sleep 600');
  await sees('tool.output', 2);
  expect(await sessions.stop(id)).toEqual({ stopped: true });
  const last = (await events()).findLast(({ type }) => type === 'tool.called');
  const ps1 = 'corral:~$ ';
  expect(last?.data).toMatchObject({
    success: false,
    output: 'second\n',
    content: {
      console: [
        { ps1, command: 'echo first', output: 'first\n' },
        { ps1, command: 'echo second; sleep 600', output: 'second\n' },
      ],
    },
  });
});
