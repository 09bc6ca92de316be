import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../../src/core/contracts/clock.ts';
import { createIdSource, SessionId } from '../../../../src/core/model/ids.ts';
import { parsePostedCommand } from '../../../../src/sessions/cluster/command-router.ts';
import { RemoteCommandBus, type RemoteCommandBusOptions } from '../../../../src/sessions/cluster/remote-commands.ts';
import { createLocalOwnership, ownershipLostError } from '../../../../src/sessions/engine/ownership.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const id = SessionId.parse('00000000000000aa');
const until = Date.UTC(2100, 0, 1);

function bench(act: RemoteCommandBusOptions['act'], clock: Clock = systemClock, own: object = { owned: () => [id] }) {
  const { commands } = createInMemoryStore();
  const ownership = { ...createLocalOwnership(), isShared: true, ...own };
  const remote = new RemoteCommandBus({ commands, ownership, clock, ids: createIdSource(), act, warn: () => {} });
  return { commands, remote };
}

test('a posted command runs at once, however many are under way before it', async () => {
  const slow = Promise.withResolvers<void>();
  let begun = 0;
  const { commands, remote } = bench(async (_id, { name }) => {
    begun += 1;
    if (name === 'use') await slow.promise;
  });
  await using _remote = remote;
  const post = (name: string, n: number) =>
    commands.post({ id: `${name}-${n}`, sessionId: id, name, at: n, body: { until, body: null } });
  for (let n = 0; n < 200; n++) await post('use', n);
  await post('command', 200);
  remote.start();
  await expect.poll(async () => (await commands.answers(['command-200'])).size).toBe(1);
  expect(begun).toBe(201);
  slow.resolve();
});

test('a command whose holder has died runs soon after the end of its lease', async () => {
  const clock = manualClock(1_000_000);
  const leaseEnds = clock.now() + 3_100;
  const held: SessionId[] = [];
  const take = async () => {
    if (clock.now() < leaseEnds) throw ownershipLostError();
    held[0] = id;
    return 1;
  };
  const begun: number[] = [];
  const { commands, remote } = bench(async () => void begun.push(clock.now()), clock, { owned: () => held, take });
  await using _remote = remote;
  const body = { until: clock.now() + 60_000, body: null };
  await commands.post({ id: 'waiting', sessionId: id, name: 'command', at: clock.now(), body });
  remote.start();
  expect(await clock.until(() => begun.length > 0, 3_100 + 250)).toBe(true);
});

const ids = { messageId: randomUUID(), runId: randomUUID() };
const send = { type: 'cmd.send', commandId: 'c', mode: 'inject', text: 'Hi', attachments: [], ...ids };

test.each([
  ['command', send],
  ['command', { type: 'cmd.stop', commandId: 'c' }],
  ['command', { type: 'cmd.decide', commandId: 'c', callId: 'x', decision: 'approved', by: 'ann' }],
  ['change', { title: 'New', favorite: true }],
  ['note', { type: 'desktop', data: { kind: 'taken' } }],
  ['use', null],
])('a %s of another server is read as it was written: %j', (name, body) => {
  const stored = JSON.parse(JSON.stringify({ name, body }));
  expect(JSON.parse(JSON.stringify(parsePostedCommand(stored)))).toEqual(stored);
});

test('a change has no fields that were not posted, defaults neither', () =>
  expect(parsePostedCommand({ name: 'change', body: { title: 'New' } }).body).toEqual({ title: 'New' }));

test.each([
  ['an unknown name', 'dance', {}],
  ['an unknown command', 'command', { type: 'cmd.dance', commandId: 'c' }],
  ['a message without its text', 'command', { ...send, text: undefined }],
  ['a change of the wrong type', 'change', { title: 7 }],
  ['a fact that no sandbox tells', 'note', { type: 'run.end', data: {} }],
])('%s is refused', (_, name, body) =>
  expect(() => parsePostedCommand({ name, body })).toThrow('Run the same version of Corral'),
);
