import { describe, expect, test } from 'vitest';
import { readCapturedRun } from '../../../eval/lib/captured.ts';
import { createTaskFiles, isSafeRelativePath } from '../../../eval/lib/task-files.ts';
import type { Event } from '../../../src/client/index.ts';

const event = (type: string, data: object, n: number) => ({ type, runId: null, data, seq: n + 1, ts: 1_000 + n });
const log = (...facts: [string, object][]) => facts.map(([type, data], n) => event(type, data, n)) as never as Event[];
const user = (text: string): [string, object] => ['message.user', { text, attachments: [] }];
const says = (text: string): [string, object] => ['message.assistant', { text, attachments: [] }];
const usage: [string, object] = ['usage', { model: 'a/b', inputTokens: 1, outputTokens: 1 }];
const calls = (name: string, args: object = {}): [string, object] => ['tool.calling', { function: name, args }];
const wrote = (file: string, oldContent: string | null): [string, object] => [
  'tool.called',
  { function: 'file_write', args: { file }, success: true, content: { content: 'new', oldContent } },
];
const captured = (...facts: [string, object][]) => {
  const found = readCapturedRun(log(...facts), 100);
  if (!found) throw new Error('nothing was captured');
  return found;
};

describe('a session becomes a task', () => {
  test('with its first message as the instruction', () => {
    expect(captured(user('Do it'), user('And that'))).toMatchObject({ instruction: 'Do it', furtherMessages: 1 });
    expect(readCapturedRun(log(usage), 100)).toBeUndefined();
  });

  test('with each turn of calls, and only the last words', () => {
    const call = (name: string) => ({ name, args: {} });
    const first = [user('Do it'), says('On it'), usage, says('I look'), usage, calls('a'), calls('b'), usage];
    const { recording } = captured(...first, calls('c'), says('Step done'), usage, says('All done'), usage);
    expect(recording).toEqual([
      { text: 'I look', calls: [call('a'), call('b')] },
      { calls: [call('c')] },
      { text: 'All done' },
    ]);
  });

  test('with files as they were before the first change of them', () => {
    const changes = [wrote('a', 'before'), wrote('a', 'new'), wrote('b', null), wrote('c', 'x'.repeat(101))];
    const { originals } = captured(user('Do it'), ...changes);
    expect(Object.fromEntries(originals)).toEqual({ a: 'before', b: null });
  });
});

describe("a task's files", () => {
  const file = (path: string, modified: number) => ({ path, modified, bytes: Buffer.from(path) });
  const made = (...paths: [string, string | null][]) =>
    createTaskFiles({
      session: '0123456789abcdef',
      captured: { ...captured(user('Do it')), originals: new Map(paths) },
      workdir: '/workspace',
      files: [file('old.txt', 1), file('dir/new.txt', 5_000)],
    });

  test('have older files as the environment, and newer ones as the result', () => {
    const names = [...made().keys()];
    expect(names).toContain('environment/files/old.txt');
    expect(names).not.toContain('tests/expected/old.txt');
    expect(names).toContain('tests/expected/dir/new.txt');
    expect(names).toContain('solution/files/dir/new.txt');
    expect(names).not.toContain('environment/files/dir/new.txt');
  });

  test('have the first content of a changed file in the environment', () => {
    const files = made(['/workspace/dir/new.txt', 'before'], ['made.txt', null]);
    expect(files.get('environment/files/dir/new.txt')).toBe('before');
    expect(files.has('environment/files/made.txt')).toBe(false);
  });

  test('never lead out of the folder', () => {
    const files = made(['/etc/passwd', 'x'], ['../up.txt', 'x']);
    expect([...files.keys()].filter((name) => name.includes('passwd') || name.includes('up.txt'))).toEqual([]);
    for (const path of ['', '/etc/x', '../x', 'a/../../x', 'a\0b', 'a\\b'])
      expect(isSafeRelativePath(path)).toBe(false);
    expect(isSafeRelativePath('a/b..c/d')).toBe(true);
  });
});
