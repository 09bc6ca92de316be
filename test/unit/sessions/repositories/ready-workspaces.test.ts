import { expect, onTestFinished, test } from 'vitest';
import type { SandboxLink } from '../../../../drivers/driver.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { type SandboxId, SessionId, sandboxIdOf } from '../../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { WorkspacePool } from '../../../../src/sessions/repositories/ready-workspaces.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const url = 'https://git.example.org/app.git';
const repository = { url, ref: null, path: 'app' };
const choice = { owner: 'ada', projectId: null, template: 'default', repositories: [repository] };
const session = choice as unknown as SessionRecord;

function world(keep = 2) {
  const clock = manualClock();
  const events: string[] = [];
  const done: string[] = [];
  const trouble: { admit?: AppError; unpack?: AppError; gone?: boolean } = {};
  const closing = new AbortController();
  let next = 0;
  const ready = new WorkspacePool({
    keep,
    maxAgeMs: 3_600_000,
    startTimeoutMs: 60_000,
    clock,
    driver: {
      provision: async ({ id }) => void done.push(`start ${id}`) as never,
      attach: async () =>
        ({ lost: new AbortController().signal, [Symbol.asyncDispose]: async () => {} }) as unknown as SandboxLink,
      destroy: async (id, workspace) => void done.push(`${workspace} ${id}`),
    },
    files: {
      async unpack(_, id) {
        if (trouble.unpack) throw trouble.unpack;
        done.push(`unpack ${id}`);
        return !trouble.gone;
      },
    },
    spec: (_, id) => ({ id }) as never,
    connect: () => ({}) as never,
    admit: async () => {
      if (trouble.admit) throw trouble.admit;
    },
    ownership: { isShared: false, take: async () => 0, release: async () => {} },
    ids: { sessionId: () => SessionId.parse(`${++next}`.padStart(16, '0')) },
    count: (event) => events.push(event),
    warn: (_, text) => events.push(text),
  });
  const running = ready.run(closing.signal);
  /** Waits until the background work is idle. */
  const settle = () => clock.pass(5_000);
  const close = async () => {
    closing.abort();
    await running;
  };
  onTestFinished(close);
  const use = async (files = 'files-1', by = session) => {
    ready.used(by, [files]);
    await settle();
  };
  return { ready, clock, events, done, trouble, settle, close, use };
}
const idOf = (number: number) => SessionId.parse(`${number}`.padStart(16, '0'));
const sandbox = (number: number): SandboxId => sandboxIdOf(idOf(number));

test('a used set of files lies ready in a stopped sandbox, and exactly one session gets it', async () => {
  const { ready, done, events, close, use } = world();
  await use();
  expect(done).toEqual([`start ${sandbox(1)}`, 'unpack files-1', `keep ${sandbox(1)}`]);
  expect(ready.has(idOf(1))).toBe(true);
  expect(ready.take(choice)).toBe(idOf(1));
  expect([ready.take(choice), ready.has(idOf(1))]).toEqual([undefined, false]);
  await close();
  expect(done).not.toContain(`remove ${sandbox(1)}`);
  expect(events).toEqual(['made', 'taken']);
});

test.each([
  ['another owner', { ...choice, owner: 'eve' }],
  ['nobody', { ...choice, owner: undefined }],
  ['another project', { ...choice, projectId: 'p' }],
  ['another template', { ...choice, template: 'node' }],
  ['another branch', { ...choice, repositories: [{ ...repository, ref: 'stranger' }] }],
  ['another folder', { ...choice, repositories: [{ ...repository, path: 'other' }] }],
  ['a further repository', { ...choice, repositories: [repository, { ...repository, path: 'two' }] }],
  ['other hosts', { ...choice, sandbox: { egress: { policy: 'none' } } as never }],
])('a session of %s does not get the workspace', async (_, other) => {
  const { ready, use } = world();
  await use();
  expect([ready.take(other), ready.count]).toEqual([undefined, 1]);
});

test('there are as many as sessions requested lately, within the limit, and the oldest makes room', async () => {
  const { ready, done, use } = world(2);
  await use();
  for (let calls = 0; calls < 5; calls += 1) ready.take(choice);
  await use();
  expect(ready.count).toBe(2);
  await use('files-2', { ...session, owner: 'bob' } as SessionRecord);
  expect([ready.count, done.filter((one) => one.startsWith('remove'))]).toEqual([2, [`remove ${sandbox(2)}`]]);
  expect(ready.take({ ...choice, owner: 'bob' })).toBe(idOf(4));
});

test('files of an earlier lock file make room for those of the present one', async () => {
  const { ready, done, settle, use } = world();
  await use();
  ready.used(session, ['files-2']);
  expect(ready.take(choice)).toBeUndefined();
  await settle();
  expect(done.slice(3)).toEqual([
    `remove ${sandbox(1)}`,
    `start ${sandbox(2)}`,
    'unpack files-2',
    `keep ${sandbox(2)}`,
  ]);
  expect(ready.take(choice)).toBe(idOf(2));
});

test('what nobody takes in time is removed, and the end of the server removes the rest', async () => {
  const { ready, done, clock, settle, close, use } = world();
  await use();
  clock.advance(3_600_001);
  expect(ready.take(choice)).toBeUndefined();
  await settle();
  expect(done).toContain(`remove ${sandbox(1)}`);
  await use();
  await close();
  expect(done.at(-1)).toBe(`remove ${sandbox(2)}`);
  expect(ready.has(idOf(2))).toBe(false);
});

test.each([
  ['a full disk', { admit: new AppError('disk_full', 'The disk is full.') }],
  ['a failed copy', { unpack: new AppError('conflict', 'tar: 2') }],
  ['files that are gone', { gone: true }],
])('%s leaves no sandbox behind, and the next use tries again', async (_, why) => {
  const { ready, done, trouble, use } = world();
  Object.assign(trouble, why);
  await use();
  expect([ready.count, ready.has(idOf(1))]).toEqual([0, false]);
  expect(done.at(-1)).toBe(`remove ${sandbox(1)}`);
  Object.assign(trouble, { admit: undefined, unpack: undefined, gone: undefined });
  await use();
  expect(ready.take(choice)).toBe(idOf(2));
});

test('a workspace whose session was not created is removed', async () => {
  const { ready, done, settle, use } = world();
  await use();
  ready.giveUp(ready.take(choice) as SessionId);
  expect(ready.has(idOf(1))).toBe(true);
  await settle();
  expect(done.at(-1)).toBe(`remove ${sandbox(1)}`);
});

test('without room for any, nothing is made', async () => {
  const { ready, done, use } = world(0);
  await use();
  expect([ready.take(choice), done]).toEqual([undefined, []]);
});
