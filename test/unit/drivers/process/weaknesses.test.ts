import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Bubblewrap } from '../../../../drivers/process/bubblewrap.ts';
import { createUnreadableLoader } from '../../../../drivers/process/launch.ts';
import { findMissingPrograms } from '../../../../drivers/process/process.ts';
import {
  listEnforcedLimits,
  listIsolationWeaknesses,
  type ProcessProtections,
} from '../../../../drivers/process/weaknesses.ts';
import { folderOfTest } from '../../../support/stores/folder-of-test.ts';

const found = { path: 'bwrap', system: [], masked: [], hasSudo: false };
const root: Bubblewrap = { ...found, asRoot: true, seccomp: Buffer.from('x'), disablesNesting: false };
const user: Bubblewrap = { ...found, asRoot: false, seccomp: Buffer.from('x'), disablesNesting: true };
const whole: ProcessProtections = { bubblewrap: root, grouped: ['memoryBytes', 'pids', 'cpus'], ownUsers: true };
const names = (protections: ProcessProtections) => listIsolationWeaknesses(protections).map(({ name }) => name);

test('a machine that has everything has no weakness', () => {
  expect([names(whole), listEnforcedLimits(whole)]).toEqual([[], ['memoryBytes', 'pids', 'cpus']]);
});

test.each<[string, Partial<ProcessProtections>, string[], string[]]>([
  ['no control groups', { grouped: [] }, ['memory-not-limited', 'processors-not-limited'], ['pids']],
  [
    'no control groups and one user for all',
    { grouped: [], ownUsers: false },
    ['memory-not-limited', 'processes-not-limited', 'processors-not-limited', 'one-user-for-all'],
    [],
  ],
  ['processes alone', { grouped: ['pids'] }, ['memory-not-limited', 'processors-not-limited'], ['pids']],
  [
    'no filter of system calls',
    { bubblewrap: { ...root, seccomp: undefined } },
    ['system-calls-not-filtered', 'user-namespaces-nest'],
    ['memoryBytes', 'pids', 'cpus'],
  ],
  [
    'a server that is not root',
    { bubblewrap: user, grouped: [], ownUsers: false },
    ['memory-not-limited', 'processors-not-limited', 'one-user-for-all'],
    ['pids'],
  ],
  [
    'no filter, but a bubblewrap that refuses user namespaces itself',
    { bubblewrap: { ...user, seccomp: undefined }, ownUsers: false },
    ['system-calls-not-filtered', 'one-user-for-all'],
    ['memoryBytes', 'pids', 'cpus'],
  ],
])('%s: each weakness has a name, and no limit is promised that does not hold', (_what, over, expected, limits) => {
  expect(names({ ...whole, ...over })).toEqual(expected);
  expect([...listEnforcedLimits({ ...whole, ...over })].sort()).toEqual([...limits].sort());
});

test('the texts name the settings that they are about, and what to do', () => {
  const texts = listIsolationWeaknesses({ bubblewrap: { ...root, seccomp: undefined }, grouped: [], ownUsers: false });
  const reply = texts.map(({ text }) => text).join('\n');
  for (const setting of ['MEMORY', 'PIDS', 'CPUS']) expect(reply).toContain(`CORRAL_SANDBOX_${setting}`);
  expect(reply).toContain('CORRAL_PROCESS_USERS');
  expect(reply).toContain('bubblewrap to 0.8');
});

test.each([
  [{}, ['python3', 'perl']],
  [{ python3: 0o755 }, ['perl']],
  [{ python3: 0o644, perl: 0o755 }, ['python3']],
  [{ python3: 0o755, perl: 0o755 }, []],
])('of the programs %j, the machine lacks %j', async (present, lacking) => {
  const folder = folderOfTest();
  for (const [name, mode] of Object.entries(present)) await writeFile(join(folder, name), '', { mode });
  expect((await findMissingPrograms(['/nowhere', folder])).map(({ name }) => name)).toEqual(lacking);
});

const copyIn = (folder: string) =>
  createUnreadableLoader(folder, { program: process.execPath, asRoot: true }, AbortSignal.timeout(60_000));

test('sandboxes that start at once, first of all, share one copy', async () => {
  const folder = folderOfTest();
  const copies = new Set(await Promise.all(Array.from({ length: 8 }, () => copyIn(folder))));
  expect([...copies].map((path) => basename(path ?? ''))).toEqual(await readdir(folder));
});

test('a copy through which no program starts is not used, and one that replaces it is', async () => {
  const [good, other] = [await copyIn(folderOfTest()), folderOfTest()];
  const bad = join(other, basename(good ?? ''));
  await writeFile(bad, 'no loader', { mode: 0o755 });
  expect(await copyIn(other)).toBeUndefined();
  await rm(bad);
  expect(await copyIn(other)).toBe(bad);
});
