import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watches } from '../../../sandbox-images/sandboxd/watches/watches.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const tenMinutes = 600_000;
async function opened() {
  const root = await mkdtemp(join(tmpdir(), 'corral-watches-'));
  const clock = manualClock();
  const place = { root } as Parameters<typeof watches>[0]['place'];
  const env = { PATH: process.env.PATH ?? '' };
  const all = watches({ clock, place, env, keepers: new Set() as never, touch: () => {} });
  const { id } = await all.openWatch({ path: '.' });
  onTestFinished(async () => {
    await all.closeWatch(id).catch(() => {});
    await rm(root, { recursive: true });
  });
  return { all, id, clock, root };
}

test('a watch ends when nobody asked for ten minutes', async () => {
  const { all, id, clock } = await opened();
  clock.advance(tenMinutes - 1);
  await all.watchChanges(id);
  clock.advance(tenMinutes - 1);
  expect((await all.watchChanges(id)).changes).toEqual([]);
  clock.advance(tenMinutes);
  await expect(all.watchChanges(id)).rejects.toMatchObject({ code: 'not_found' });
});

test('a watch with a reader lives on, and ends ten minutes after its reader left', async () => {
  const { all, id, clock, root } = await opened();
  const reader = await all.attachWatch(id);
  const heard = new Promise((resolve) => reader.once('data', resolve));
  clock.advance(2 * tenMinutes);
  await writeFile(join(root, 'a'), '');
  await heard;
  const left = new Promise((resolve) => reader.once('close', resolve));
  reader.destroy();
  await left;
  clock.advance(tenMinutes);
  await expect(all.watchChanges(id)).rejects.toMatchObject({ code: 'not_found' });
});
