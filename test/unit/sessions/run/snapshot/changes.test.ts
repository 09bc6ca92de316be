import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { saveRunFiles } from '../../../../../sandbox-images/sandboxd/workspace/keep.ts';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import { RunId, SessionId } from '../../../../../src/core/model/ids.ts';
import type { SandboxClient } from '../../../../../src/sandboxes/client/client.ts';
import {
  BaselineRecorder,
  baselineCopyPathOf,
  parseFileChanges,
  readRunChanges,
} from '../../../../../src/sessions/run/snapshot/run-snapshots.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';
import { temporaryFolder } from '../../../../support/stores/store.ts';

const session = SessionId.parse('0123456789abcdef');
const first = RunId.parse('11111111-1111-4111-8111-111111111111');
const second = RunId.parse('22222222-2222-4222-8222-222222222222');
const now = 1_700_000_000_000;

const byProgram = async () => false;
type KeepFiles = SandboxClient['workspace']['keep'];

/** A folder on this machine in place of a sandbox: the daemon and the scripts do the same work here. */
function workspace(by: 'program' | 'daemon' = 'program') {
  const temporary = temporaryFolder();
  onTestFinished(() => temporary[Symbol.dispose]());
  const root = temporary.path;
  const ran: string[] = [];
  const byDaemon: KeepFiles = async (mark) => {
    ran.push(`run=${mark.run}`);
    saveRunFiles(root, mark, 100);
    return true;
  };
  const client = {
    workspace: { keep: by === 'daemon' ? byDaemon : byProgram, print: async () => undefined },
    async exec({ command }: { command: string }) {
      ran.push(command);
      const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: root, encoding: 'utf8' });
      return { exitCode: status ?? 1, stdout, stderr, timedOut: false };
    },
  };
  const warned: string[] = [];
  const snapshots = new BaselineRecorder({ clock: manualClock(now), warn: (_about, text) => warned.push(text) });
  const begin = (run = first) => snapshots.ofRun(session, run, client);
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const changes = () => readRunChanges(client, AbortSignal.timeout(60_000));
  return { root, ran, warned, client, begin, write, changes };
}

describe.each(['program', 'daemon'] as const)('the changes since a run began, kept by the %s,', (by) => {
  test('are added, modified and deleted files with their sizes, and the files as they were are kept', async () => {
    const { root, begin, write, changes, warned } = workspace(by);
    write('kept.txt', 'same');
    write('deep/er/edited name.txt', 'one\n');
    write('old.txt', 'gone');
    await begin();
    write('deep/er/edited name.txt', 'one\ntwo\n');
    write('new.txt', 'new');
    rmSync(join(root, 'old.txt'));
    expect(await changes()).toEqual({
      since: { runId: first, at: now },
      files: [
        { path: 'deep/er/edited name.txt', change: 'modified', before: 4, after: 8 },
        { path: 'new.txt', change: 'added', before: null, after: 3 },
        { path: 'old.txt', change: 'deleted', before: 4, after: null },
      ],
      truncated: false,
    });
    expect(readFileSync(join(root, baselineCopyPathOf('deep/er/edited name.txt')), 'utf8')).toBe('one\n');
    expect(warned).toEqual([]);
  });

  test('begin again with the next run, and a repeat of the same run keeps them', async () => {
    const { begin, write, changes, ran } = workspace(by);
    await begin();
    write('a.txt', 'a');
    await begin();
    expect((await changes()).files).toHaveLength(1);
    await begin(second);
    expect(await changes()).toMatchObject({ since: { runId: second }, files: [] });
    expect(ran.filter((command) => command.startsWith(`run=${first}`))).toHaveLength(1);
  });

  test('of a restarted server continue from the start of the run', async () => {
    const { begin, write, changes, client } = workspace(by);
    await begin();
    write('a.txt', 'a');
    const other = new BaselineRecorder({ clock: manualClock(now + 1), warn: () => {} });
    await other.ofRun(session, first, { ...client, workspace: { keep: byProgram, print: async () => undefined } });
    expect(await changes()).toMatchObject({ since: { at: now }, files: [{ path: 'a.txt' }] });
  });

  test('see a change of the same size by its time, and a file that moved', async () => {
    const { root, begin, write, changes } = workspace(by);
    write('same.txt', 'ab');
    write('from.txt', 'x');
    await begin();
    write('same.txt', 'cd');
    utimesSync(join(root, 'same.txt'), 1, 1);
    renameSync(join(root, 'from.txt'), join(root, 'to.txt'));
    const expected = ['deleted from.txt', 'modified same.txt', 'added to.txt'];
    expect((await changes()).files.map(({ path, change }) => `${change} ${path}`)).toEqual(expected);
  });

  test('pass over what package managers, git and Corral keep, and keep no copy of a large file', async () => {
    const { root, begin, write, changes } = workspace(by);
    write('large.bin', 'x'.repeat(300_000));
    await begin();
    for (const path of ['.git/x', 'node_modules/a/b.js', '.corral/output/1.log']) write(path, 'x');
    expect((await changes()).files).toEqual([]);
    expect(() => readFileSync(join(root, baselineCopyPathOf('large.bin')))).toThrow('ENOENT');
  });

  test('are unknown before the first run', async () =>
    expect(await workspace(by).changes()).toEqual({ since: null, files: [], truncated: false }));

  test('that a sandbox makes up are left out', () => {
    const names = Buffer.from('./../../etc/passwd\t1\t2\0\t./ok\t1\t2.5\0./a//b\t1\t2\0nonsense\0');
    expect(parseFileChanges(`run-1\n17\n${names.toString('base64')}`).files.map(({ path }) => path)).toEqual(['ok']);
    expect(parseFileChanges('run-1\nsoon\n')).toMatchObject({ since: null });
  });
});

test('changes name files by their bytes, which programs alone can read', async () => {
  const { root, begin, changes } = workspace('program');
  const at = (name: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')]);
  writeFileSync(at('caf\xe9.txt'), 'a');
  await begin();
  writeFileSync(at('caf\xe8.txt'), 'b');
  rmSync(at('caf\xe9.txt'));
  writeFileSync(at('new\nline\\xE9'), 'c');
  const expected = ['added caf\\xE8.txt', 'deleted caf\\xE9.txt', 'added new\nline\\x5CxE9'];
  expect((await changes()).files.map(({ path, change }) => `${change} ${path}`)).toEqual(expected);
});

const unsupported = () => Promise.reject(new AppError('unsupported', 'no programs'));
test.each([
  ['without programs does not hinder the run, and the operator learns of it', byProgram, 1, ['find: not found']],
  ['in memory takes no snapshot, and nobody is notified of it each time', unsupported, 0, []],
])('a sandbox %s', async (_, keep, runs, errors) => {
  const warned: object[] = [];
  const snapshots = new BaselineRecorder({ clock: manualClock(now), warn: (about) => warned.push(about) });
  const exec = vi.fn(async () => ({ exitCode: 127, stdout: '', stderr: 'find: not found', timedOut: false }));
  await snapshots.ofRun(session, first, { workspace: { keep, print: async () => undefined }, exec });
  expect(exec).toHaveBeenCalledTimes(runs);
  expect(warned).toEqual(errors.map((stderr) => ({ sessionId: session, stderr })));
});
