import { describe, expect, test } from 'vitest';
import type { BuildStep } from '../../../../src/core/model/sandboxes/built-template.ts';
import {
  checkBuildPlan,
  computeStepContexts,
  computeStepHashes,
  describeBuildStep,
  parseBuildUser,
  resolveStepPath,
} from '../../../../src/sessions/builds/plan.ts';

const run = (command: string): BuildStep => ({ type: 'RUN', command });

test.each([
  ['/home/user', 'app', '/home/user/app'],
  ['/home/user', '/etc/x/', '/etc/x/'],
  ['/home/user', '.', '/home/user'],
  ['/a', './b/./c/', '/a/b/c/'],
  ['/a', '../../..', '/'],
  ['/a', '~/x', '/home/user/x'],
  ['/', '/', '/'],
])('from %s the path %s leads to %s', (folder, path, expected) => expect(resolveStepPath(folder, path)).toBe(expected));

test('a step finds the user, folder and variables that the steps before it set', () => {
  const steps: BuildStep[] = [
    { type: 'ENV', pairs: [['A', '1']] },
    { type: 'USER', user: 'root' },
    { type: 'WORKDIR', path: 'app' },
    { type: 'WORKDIR', path: 'src' },
    { type: 'ENV', pairs: [['A', '2']] },
  ];
  expect(
    computeStepContexts(steps, { env: {}, done: 0 }).map(({ user, folder, env }) => [user, folder, env.A]),
  ).toEqual([
    ['user', '/home/user', undefined],
    ['user', '/home/user', '1'],
    ['root', '/home/user', '1'],
    ['root', '/home/user/app', '1'],
    ['root', '/home/user/app/src', '1'],
    ['root', '/home/user/app/src', '2'],
  ]);
});

describe('a plan that cannot be built is refused with the number of its step', () => {
  test.each<[BuildStep, RegExp]>([
    [{ type: 'USER', user: 'postgres' }, /no user postgres/],
    [{ type: 'USER', user: 'user:docker' }, /no user/],
    [{ ...run('x'), user: 'constructor' } as BuildStep, /no user/],
    [{ type: 'ENV', pairs: [['A=B', '1']] }, /not a valid variable name/],
    [{ type: 'ENV', pairs: [['HTTP_PROXY', 'http://evil.example']] }, /belongs to the sandbox/],
    [{ type: 'ENV', pairs: [['corral_sandboxd_token', '1']] }, /belongs to the sandbox/],
    [{ type: 'COPY', from: '../x', to: '/', files: 'a' }, /outside of/],
    [{ type: 'COPY', from: '/etc/passwd', to: '/', files: 'a' }, /outside of/],
    [{ type: 'COPY', from: 'x', to: '/', files: 'a', mode: '4755; id' }, /not a mode/],
    [{ type: 'COPY', from: 'x\0y', to: '/', files: 'a' }, /NUL/],
  ])('%o', (step, why) => {
    expect(() => checkBuildPlan([run('true'), step])).toThrow(why);
    expect(() => checkBuildPlan([run('true'), step])).toThrow(/Step 2/);
  });
  test('more steps than a build has', () =>
    expect(() => checkBuildPlan(Array.from({ length: 201 }, () => run('true')))).toThrow(/at most 200/));
});

test('the same first steps have the same hash, and another owner or base has none of them', () => {
  const [one, two, other] = [run('one'), run('two'), run('other')];
  const hashes = computeStepHashes('base', 'ann', [one, two]);
  const branched = computeStepHashes('base', 'ann', [one, other]);
  expect(branched.slice(0, 2)).toEqual(hashes.slice(0, 2));
  expect(branched[2]).not.toBe(hashes[2]);
  const strange = [...computeStepHashes('base', 'bob', [one, two]), ...computeStepHashes('newer', 'ann', [one, two])];
  expect(strange.filter((hash) => hashes.includes(hash))).toEqual([]);
});

test('root and user are the users of an image, by name or number', () =>
  expect(['root', '0', 'root:root', 'user', '10001:10001'].map(parseBuildUser)).toEqual([
    ...['root', 'root', 'root', 'user', 'user'],
  ]));

test('the log names the variables of a step and never their values', () =>
  expect(describeBuildStep({ type: 'ENV', pairs: [['TOKEN', 'secret-value']] })).toBe('ENV TOKEN'));
