import { describe, expect, test } from 'vitest';
import type { ConsoleEntry, ToolContent } from '../../../../src/core/model/events.ts';
import { addTruncationNotes } from '../../../../src/sessions/services/exec-if-running.ts';
import {
  readFileFromLog,
  readPlaceholderForOpenFile,
  readShellFromLog,
} from '../../../../src/sessions/services/views-from-log.ts';
import { fact, sessionId, writerBench } from '../../../support/machines/session-parts.ts';
import { calledFact } from '../../../support/stores/store.ts';

const ran = (shell: string, console: ConsoleEntry[] | null, reason?: 'cancelled') =>
  calledFact({ ...(reason && { reason }), args: { id: shell }, content: console && { console } });
const wrote = (file: string, content: ToolContent | null, success = true) =>
  called('file_write', { file }, { content, success });
const called = (
  name: string,
  args: Record<string, unknown>,
  { content, success = true }: { content: ToolContent | null; success?: boolean },
) => calledFact({ tool: 'file', function: name, args, success, content });
const workdir = '/workspace';
const text = (content: string) => ({ content, oldContent: null });
const entry = (output: string): ConsoleEntry => ({ ps1: '$ ', command: 'x', output });

async function logOf(...facts: Parameters<ReturnType<typeof writerBench>['writer']['write']>[0]) {
  const { writer, log } = writerBench();
  await writer.write(facts);
  return log;
}

describe('while no sandbox runs', () => {
  const [one, two] = [entry('one'), entry('two')];
  test.each([
    ['as its last command left it', [ran('main', [one, two]), ran('other', [])], [one, two]],
    ['as before, after a result without a console', [ran('main', null)], [one]],
    ['with a stopped command behind those before it', [ran('main', [two], 'cancelled')], [one, two]],
  ])('a shell is shown %s', async (_, facts, console) => {
    const log = await logOf(ran('main', [one]), ...facts);
    expect(await readShellFromLog(log, sessionId, { shell: 'main', workdir })).toEqual({ id: 'main', console });
    const missing = readShellFromLog(log, sessionId, { shell: 'unused', workdir });
    await expect(missing).rejects.toMatchObject({ code: 'shell_not_found' });
  });

  test.each(['a.md', './a.md', '/workspace/a.md', 'x/../a.md'])('%s is shown as last written', async (path) => {
    const log = await logOf(wrote('/workspace/a.md', text('old')), wrote('/workspace/a.md', text('new')));
    expect((await readFileFromLog(log, sessionId, { path, workdir })).toString()).toBe('new');
  });

  const part = { content: text('some lines') };
  test.each([
    ['a write that failed', wrote('a.md', text('bad'), false)],
    ['a write without content', wrote('a.md', null)],
    ['a look at its end', called('file_read', { file: 'a.md', start_line: 2 }, part)],
    ['a look at its beginning', called('file_read', { file: 'a.md', end_line: 2 }, part)],
    ['a search in it', called('file_find_in_content', { file: 'a.md', regex: 'x' }, part)],
  ])('a file is shown as it was before %s', async (_, after) => {
    const log = await logOf(wrote('a.md', text('all of it')), after);
    expect((await readFileFromLog(log, sessionId, { path: 'a.md', workdir })).toString()).toBe('all of it');
  });

  test('a file is the same by its path in the workspace, wherever that is', async () => {
    const log = await logOf(wrote('/srv/sandboxes/s/workspace/a.md', text('x')));
    const there = { path: 'a.md', workdir: '/srv/sandboxes/s/workspace' };
    expect((await readFileFromLog(log, sessionId, there)).toString()).toBe('x');
  });

  test.each(['../a.md', '..', 'x/../../a.md', '/etc/passwd', '/workspace/../a.md', '/workspacex'])(
    'the path %s leaves the workspace, also where nothing is left of it',
    async (path) => {
      const log = await logOf(wrote('a.md', text('x')));
      await expect(readFileFromLog(log, sessionId, { path, workdir })).rejects.toMatchObject({ code: 'path_outside' });
    },
  );

  test('a file that the log does not know is not found, and says what would help', async () => {
    const log = await logOf(wrote('a.md', text('x')));
    const expected = { code: 'file_not_found', publicMessage: expect.stringContaining('send a message to start it') };
    await expect(readFileFromLog(log, sessionId, { path: 'b.md', workdir })).rejects.toMatchObject(expected);
  });
});

describe('from the moment a call names it', () => {
  const calls = (tool: 'shell' | 'file', name: string, args: Record<string, unknown>) =>
    fact('tool.calling', { callId: 'c', tool, function: name, args });
  const shell = (log: Awaited<ReturnType<typeof logOf>>) =>
    readShellFromLog(log, sessionId, { shell: 'main', workdir });
  const begun = (args: object) => calls('shell', 'shell_exec', { id: 'main', command: 'ls', ...args });

  test.each([
    [{}, 'corral:~$ '],
    [{ exec_dir: '/workspace/src' }, 'corral:~/src$ '],
    [{ exec_dir: '/tmp' }, 'corral:/tmp$ '],
  ])('a shell shows the command that begins at %j, behind those before it', async (args, ps1) => {
    const before = ran('main', [entry('one')]);
    expect((await shell(await logOf(begun(args)))).console).toEqual([{ ps1, command: 'ls', output: '' }]);
    const { console } = await shell(await logOf(before, begun(args)));
    expect(console).toEqual([entry('one'), { ps1, command: 'ls', output: '' }]);
  });

  test('a shell that is only looked at is there, and empty', async () =>
    expect((await shell(await logOf(calls('shell', 'shell_view', { id: 'main' })))).console).toEqual([]));

  test('a command that never began says why', async () => {
    const failed = { ...begun({}).data, success: false, output: 'No room.', content: null };
    const log = await logOf(begun({}), fact('tool.called', failed));
    expect((await shell(log)).console).toMatchObject([{ command: 'ls', output: 'No room.' }]);
  });

  test('a file is there and empty while the call works, and not after it failed or its run ended', async () => {
    const begin = calls('file', 'file_write', { file: '/workspace/a.md' });
    const requested = { path: 'a.md', workdir };
    expect((await readFileFromLog(await logOf(begin), sessionId, requested)).length).toBe(0);
    const end = fact('run.end', { status: 'stopped', reason: 'stopped', task: '' });
    for (const last of [wrote('/workspace/a.md', null, false), end]) {
      const log = await logOf(begin, last);
      await expect(readFileFromLog(log, sessionId, requested)).rejects.toMatchObject({ code: 'file_not_found' });
      expect(await readPlaceholderForOpenFile(log, sessionId, requested)).toBeUndefined();
    }
  });
});

const ended = { exitCode: 0, stdout: 'the beginning', stderr: 'oh', timedOut: false };

test('an output that was cut ends with a line that names the file with all of it', () => {
  const { stdout, stderr } = addTruncationNotes({ ...ended, wholeIn: { stdout: '.corral/output/1.stdout' } });
  expect(stdout).toBe('the beginning\n[corral: cut after 1 MiB; the whole output is in .corral/output/1.stdout]\n');
  expect(stderr).toBe('oh');
});

test('an output that is whole stays as it is', () =>
  expect(addTruncationNotes(ended)).toEqual({ stdout: 'the beginning', stderr: 'oh' }));
