// @module-tag all
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { newSession, temporaryFolder } from '../../support/stores/store.ts';

const program = fileURLToPath(new URL('../../support/stores/appending-program.ts', import.meta.url));
const sessionId = newSession();
let folder: ReturnType<typeof temporaryFolder>;
let path: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder.path, 'corral.db');
});
afterEach(() => {
  child?.kill('SIGKILL');
  folder[Symbol.dispose]();
});

/** Appends in another process until `until` is true or the process dies. Returns the last acknowledged seq. */
async function appendAndDie(
  until: (acknowledged: number) => boolean,
  { failpoints, more = '' }: { failpoints?: string; more?: string } = {},
): Promise<number> {
  const env = { ...process.env, NODE_ENV: 'test', CORRAL_FAILPOINTS: failpoints };
  const running = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, path, sessionId, more], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = running;
  const exited = once(running, 'exit');
  let acknowledged = 0;
  for await (const line of createInterface({ input: running.stdout })) {
    acknowledged = Number(line);
    if (until(acknowledged)) running.kill('SIGKILL');
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return acknowledged;
}

async function stored(): Promise<number> {
  await using store = await openSqliteStore({ path });
  const { events, head } = await store.events.page(sessionId, 0, 100_000);
  expect([events.map(({ seq }) => seq), head % 3]).toEqual([Array.from({ length: head }, (_, n) => n + 1), 0]); // an append of three facts is stored completely or not at all,
  expect((await store.records.get('count', sessionId))?.doc ?? 0).toBe(head); // and its record with it
  return head;
}

test('after kill -9 at any moment everything that was acknowledged is there, without a gap, and appending continues', async () => {
  let before = 0;
  for (const more of [1, 40, 300]) {
    const acknowledged = await appendAndDie((seq) => seq >= before + more);
    expect(acknowledged).toBeGreaterThan(before);
    before = await stored();
    expect(before).toBeGreaterThanOrEqual(acknowledged);
  }
});

test('F005 a kill while the store writes records and compacts the log leaves both consistent, without a renumbered event', async () => {
  let before = 0;
  for (const more of [1, 50, 200]) {
    const acknowledged = await appendAndDie((seq) => seq >= before + more, { more: 'compact' });
    await using store = await openSqliteStore({ path });
    const { events, head, trimmed } = await store.events.page(sessionId, 0, 100_000);
    expect(head).toBeGreaterThanOrEqual(acknowledged);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: head - trimmed }, (_, n) => trimmed + n + 1));
    expect(events.length).toBeLessThanOrEqual(23);
    expect((await store.records.get('count', sessionId))?.doc).toBe(head);
    before = head;
  }
});

test('a server that dies before a commit loses the append; after the commit the append is stored, even without an answer', async () => {
  expect(await appendAndDie(() => false, { failpoints: 'store.commit.before=exit@4' })).toBe(9);
  expect(await stored()).toBe(9);
  expect(await appendAndDie(() => false, { failpoints: 'store.commit.after=exit@2' })).toBe(12);
  expect(await stored()).toBe(15);
});

test('F072 while another process has the store it is refused by name; once that is dead, by whatever means, it is free', async () => {
  let refused: unknown;
  await appendAndDie((seq) => {
    if (seq !== 3) return refused !== undefined;
    openSqliteStore({ path }).catch((error) => {
      refused = error;
    });
    return false;
  });
  expect(refused).toMatchObject({ code: 'store_busy' });
  expect(String(refused)).toContain(`pid ${child?.pid}`);
  expect(await stored()).toBeGreaterThan(0);
});

test.each([
  ['deleted', (wal: string) => rmSync(wal)],
  ['cut in the middle of a commit', (wal: string) => truncateSync(wal, Math.floor(statSync(wal).size * 0.6) + 7)],
  ['overwritten in its middle', (wal: string) => scribble(wal)],
])(
  'F072 a write-ahead log that was %s costs what stood in it from there on, without a gap or a half',
  async (_, harm) => {
    const acknowledged = await appendAndDie((seq) => seq >= 150);
    harm(`${path}-wal`);
    const left = await stored(); // only whole appends, without a gap, and the matching record
    expect(left).toBeLessThan(acknowledged);
    expect(await appendAndDie((seq) => seq >= left + 3)).toBeGreaterThan(left);
    expect(await stored()).toBeGreaterThanOrEqual(left + 3);
  },
);

function scribble(file: string): void {
  const bytes = readFileSync(file);
  bytes.fill('noise ', bytes.length / 2, bytes.length / 2 + 512);
  writeFileSync(file, bytes);
}
