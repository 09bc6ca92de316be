import { expect, test } from 'vitest';
import type { Bubblewrap } from '../../../../drivers/process/bubblewrap.ts';
import { enforcedLimits, findWeaknesses, type Protections } from '../../../../drivers/process/weaknesses.ts';

const found = { path: 'bwrap', system: [], masked: [], hasSudo: false };
const root: Bubblewrap = { ...found, asRoot: true, seccomp: Buffer.from('x'), disablesNesting: false };
const user: Bubblewrap = { ...found, asRoot: false, seccomp: Buffer.from('x'), disablesNesting: true };
const whole: Protections = { bubblewrap: root, grouped: ['memoryBytes', 'pids', 'cpus'], ownUsers: true };
const names = (protections: Protections) => findWeaknesses(protections).map(({ name }) => name);

test('a machine that has everything has no weakness', () => {
  expect([names(whole), enforcedLimits(whole)]).toEqual([[], ['memoryBytes', 'pids', 'cpus']]);
});

test.each<[string, Partial<Protections>, string[], string[]]>([
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
  expect([...enforcedLimits({ ...whole, ...over })].sort()).toEqual([...limits].sort());
});

test('the texts name the settings that they are about, and what to do', () => {
  const texts = findWeaknesses({ bubblewrap: { ...root, seccomp: undefined }, grouped: [], ownUsers: false });
  const said = texts.map(({ text }) => text).join('\n');
  for (const setting of ['MEMORY', 'PIDS', 'CPUS']) expect(said).toContain(`CORRAL_SANDBOX_${setting}`);
  expect(said).toContain('CORRAL_PROCESS_USERS');
  expect(said).toContain('bubblewrap to 0.8');
});
