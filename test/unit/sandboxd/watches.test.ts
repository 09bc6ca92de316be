import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createWatchOperations } from '../../../sandbox-images/sandboxd/watches/watches.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { needs } from '../../support/servers/components.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

beforeEach((context) => needs(context, 'perl'));

const tenMinutes = 600_000;
async function opened({ recursive = false } = {}) {
  const root = folderOfTest();
  const clock = manualClock();
  const place = { root } as Parameters<typeof createWatchOperations>[0]['place'];
  const env = { PATH: process.env.PATH ?? '' };
  const helpers = new Set<number>();
  const all = createWatchOperations({ clock, place, env, keepers: helpers as never, touch: () => {} });
  const { id } = await all.openWatch({ path: '.', recursive });
  onTestFinished(() => all.closeWatch(id).catch(() => {}));
  return { all, id, clock, root, helpers };
}

test('a watch ends after ten minutes without a call', async () => {
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
  const received = new Promise((resolve) => reader.once('data', resolve));
  clock.advance(2 * tenMinutes);
  await writeFile(join(root, 'a'), '');
  await received;
  const left = new Promise((resolve) => reader.once('close', resolve));
  reader.destroy();
  await left;
  clock.advance(tenMinutes);
  await expect(all.watchChanges(id)).rejects.toMatchObject({ code: 'not_found' });
});

test('a watch that is polled tells everything that was made before the question, in new folders too', async () => {
  const { all, id, root, helpers } = await opened({ recursive: true });
  const [helper = 0] = helpers;
  process.kill(helper, 'SIGSTOP'); // it has read nothing when the query comes
  await mkdir(join(root, 'a/b'), { recursive: true });
  await writeFile(join(root, 'a/b/c'), 'text');
  const answer = all.watchChanges(id);
  process.kill(helper, 'SIGCONT');
  expect((await answer).changes).toEqual([
    { type: 'create', name: 'a' },
    { type: 'create', name: 'a/b' },
    { type: 'create', name: 'a/b/c' },
    { type: 'write', name: 'a/b/c' },
  ]);
});

test.each(['the watch is closed', 'the helper dies'])('a question is answered when %s in the meantime', async (end) => {
  const { all, id, helpers } = await opened();
  const [helper = 0] = helpers;
  process.kill(helper, 'SIGSTOP');
  const answer = all.watchChanges(id);
  if (end === 'the watch is closed') await all.closeWatch(id);
  else process.kill(helper, 'SIGKILL');
  expect(await answer).toEqual({ changes: [], more: false });
  if (end === 'the watch is closed') process.kill(helper, 'SIGCONT');
});
