import { expect, test } from 'vitest';
import { systemClock } from '../../../../src/core/clock.ts';
import { randomIds, SessionId } from '../../../../src/core/ids.ts';
import { RemoteCommands, type RemoteCommandsOptions } from '../../../../src/session/cluster/remote-commands.ts';
import { soleOwnership } from '../../../../src/session/engine/ownership.ts';
import { memoryStore } from '../../../../src/store/memory/store.ts';

const id = SessionId.parse('00000000000000aa');
const until = Date.now() + 60_000;

function crossing(act: RemoteCommandsOptions['act']) {
  const { commands } = memoryStore();
  const ownership = { ...soleOwnership(), isShared: true, owned: () => [id] };
  const options = { commands, ownership, clock: systemClock, ids: randomIds(), act, warn: () => {} };
  return { commands, crossing: new RemoteCommands(options) };
}

test('a posted command runs at once, however many are under way before it', { timeout: 10_000 }, async () => {
  const slow = Promise.withResolvers<void>();
  let begun = 0;
  const bench = crossing(async (_id, { name }) => {
    begun += 1;
    if (name === 'use') await slow.promise;
  });
  await using _crossing = bench.crossing;
  const post = (name: string, n: number) =>
    bench.commands.post({ id: `${name}-${n}`, sessionId: id, name, at: n, body: { until, body: null } });
  for (let n = 0; n < 200; n++) await post('use', n);
  await post('command', 200);
  bench.crossing.start();
  await expect.poll(async () => (await bench.commands.answers(['command-200'])).size, { timeout: 5_000 }).toBe(1);
  expect(begun).toBe(201);
  slow.resolve();
});
