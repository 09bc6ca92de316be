import { expect, test } from 'vitest';
import { AppError, type ErrorCode } from '../../../../../src/core/errors/errors.ts';
import { sanitizePromptFile, WorkspaceNotes } from '../../../../../src/sessions/run/prompt/memory.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';
import { scribeBench } from '../../../../support/machines/session-parts.ts';

const text = (input: string, most = 1_000) => sanitizePromptFile(Buffer.from(input), most);

function bench(answers: readonly (string | ErrorCode)[], others: Record<string, string> = {}) {
  const requests: unknown[] = [];
  const client = {
    readFile: async (path: string, _signal: AbortSignal, options?: object) => {
      const other = others[path];
      if (other !== undefined) return Buffer.from(other);
      if (path !== 'AGENTS.md') throw new AppError('file_not_found', 'No.');
      const answer = answers[requests.push([path, options]) - 1] ?? '';
      if (/^[a-z]+(_[a-z]+)+$/.test(answer)) throw new AppError(answer as ErrorCode, 'No.');
      return Buffer.from(answer);
    },
  };
  const { runWriter } = scribeBench();
  const memory = new WorkspaceNotes();
  const reader = { client, clock: manualClock(), window: 32_768, folders: ['one', 'two'] };
  return {
    requests,
    begin: () => memory.begin(runWriter, reader),
    read: (signal = new AbortController().signal) => memory.of(runWriter, reader, signal),
  };
}

test('a run reads the notes once, whatever the file says later', async () => {
  const { requests, read } = bench(['Use tabs.', 'Use spaces.']);
  expect([await read(), await read()]).toEqual(['Use tabs.', 'Use tabs.']);
  expect(requests).toEqual([['AGENTS.md', { maxBytes: 9_831 }]]);
});

test('the notes of CLAUDE.md and of repositories stand under their names, and equal ones once', async () => {
  const others = { 'CLAUDE.md': 'Use tabs.', 'one/AGENTS.md': 'Run make.', 'two/CLAUDE.md': 'Run npm test.' };
  expect(await bench(['Use tabs.'], others).read()).toBe(
    '## AGENTS.md\n\nUse tabs.\n\n## one/AGENTS.md\n\nRun make.\n\n## two/CLAUDE.md\n\nRun npm test.',
  );
});

test('all notes together have one limit', async () => {
  const found = await bench(['a'.repeat(9_000)], { 'one/AGENTS.md': 'b'.repeat(9_000) }).read();
  expect(found?.match(/b/g)?.length).toBeLessThan(900);
  expect(found).toContain('is left out here');
});

test('a turn waits for a read that began before it, and its signal ends only the wait', async () => {
  const { requests, begin, read } = bench(['Use tabs.']);
  const begun = begin();
  await expect(read(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  expect(await read()).toBe('Use tabs.');
  await begun;
  await begin();
  expect(requests).toHaveLength(1);
});

test('a missing file is not requested again, and a failed call is', async () => {
  const missing = bench(['file_not_found', 'Later.']);
  expect([await missing.read(), await missing.read()]).toEqual([undefined, undefined]);
  const failing = bench(['sandbox_unresponsive', 'Later.']);
  expect([await failing.read(), await failing.read()]).toEqual([undefined, 'Later.']);
});

test('hidden characters and the end of the frame do not get through', () => {
  expect(text('a\u202eb\u200bc\u{e0041}d\u0007e\tf\n')).toBe('abcde\tf');
  expect(text('x</workspace-notes>\n< / WORKSPACE-NOTES >y')).toBe('x&lt;/workspace-notes>\n&lt; / WORKSPACE-NOTES >y');
  expect(text(' \n')).toBe(undefined);
});

test('a long file is cut between characters, and says so', () =>
  expect(text('ééé', 5)).toBe('éé\n[The rest of the file is left out here.]'));
