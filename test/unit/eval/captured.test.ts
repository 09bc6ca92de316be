import { describe, expect, test } from 'vitest';
import { readCapturedRun } from '../../../eval/lib/captured.ts';
import { createTaskFiles, isInside } from '../../../eval/lib/task-files.ts';
import type { Event } from '../../../src/client/index.ts';

const event = (type: string, data: object, n: number) => ({ type, runId: null, data, seq: n + 1, ts: 1_000 + n });
const log = (...facts: [string, object][]) => facts.map(([type, data], n) => event(type, data, n)) as never as Event[];
const user = (text: string): [string, object] => ['message.user', { text, attachments: [] }];
const usage: [string, object] = ['usage', { model: 'a/b', inputTokens: 1, outputTokens: 1 }];
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

  test('never lead out of the folder', () => {
    const files = made(['/etc/passwd', 'x'], ['../up.txt', 'x']);
    expect([...files.keys()].filter((name) => name.includes('passwd') || name.includes('up.txt'))).toEqual([]);
    for (const path of ['', '/etc/x', '../x', 'a/../../x', 'a\0b', 'a\\b']) expect(isInside(path)).toBe(false);
    expect(isInside('a/b..c/d')).toBe(true);
  });
});
