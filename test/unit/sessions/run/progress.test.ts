import { describe, expect, test } from 'vitest';
import { computeProgressHistorySize, explainStuckRun, type ProgressEntry } from '../../../../machines/stuck.ts';
import { createProgressEntry, listProgressEntries } from '../../../../src/sessions/run/progress.ts';
import { runPolicy } from '../../../support/machines/machines.ts';
import { runId } from '../../../support/machines/session-parts.ts';

const policy = runPolicy.stuck;
type CallRow = readonly [name: string, args: unknown, output: string, more?: { failed?: boolean; picture?: boolean }];

const act = ([name, args, output, { failed = false, picture = false } = {}]: CallRow): ProgressEntry =>
  createProgressEntry(
    { name, args },
    { output, success: !failed, ...(picture && { pictures: [{ file: 'p', mimeType: 'image/png' }] }) },
  );
const sh = (command: string, output: string, more: CallRow[3] = {}): CallRow => [
  'shell_exec',
  { id: 'main', command },
  output,
  more,
];
const failing = { failed: true } as const;
const waiting: CallRow = ['shell_wait', { id: 'main', seconds: 30 }, 'It still runs.'];
const looking: CallRow = ['shell_view', { id: 'main' }, '$ make\n[still running]'];
const archive = 'https://example.org/a.tgz';
const thrice = /same error occurred 3 times/;
const edit = (n: number): CallRow => ['file_str_replace', { file: 'a.ts', old: `x${n}`, new: `y${n}` }, 'Replaced 1.'];

/** The first alarm within this many rounds. */
function alarm(loop: (round: number) => readonly CallRow[], rounds = 12): string | undefined {
  const acts: ProgressEntry[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const made of loop(round)) {
      acts.push(act(made));
      const reason = explainStuckRun(acts.slice(-computeProgressHistorySize(policy)), policy);
      if (reason !== undefined) return reason;
    }
  }
  return undefined;
}

const red = sh('npm test', '[exit code 1]\n1 failed: expected 2, got 3', failing);
const legitimate: Readonly<Record<string, (round: number) => readonly CallRow[]>> = {
  'polling a build whose output changes': (n) => [sh('tail -1 build.log', `${n} of 40 built`)],
  'polling a quiet build with sleep in the command': () => [sh('sleep 10; tail -1 build.log', 'linking')],
  'waiting for a quiet command with shell_wait': () => [waiting],
  'looking at a quiet shell': () => [looking],
  'waiting and looking by turns': () => [waiting, looking],
  'asking a server until it answers, with a sleep between': () => [
    sh('curl -s localhost:8080', '[exit code 7]\nrefused', failing),
    sh('sleep 2', ''),
  ],
  'retrying a download after a pause': () => [
    sh(`sleep 5 && curl -fO ${archive}`, '[exit code 22]\nerror 503', failing),
  ],
  'retrying a download that gets further each time': (n) => [
    sh(`curl -C - -O ${archive}`, `[exit code 18]\n${n} MB of 90 MB, then the connection broke`, failing),
  ],
  'paging a file': (n) => [
    ['file_read', { file: 'big.log', start_line: n * 100, end_line: n * 100 + 100 }, 'the same lines'],
  ],
  'scrolling down a page': () => [['browser_scroll_down', {}, 'Scrolled.', { picture: true }]],
  'pressing one key to go through slides': () => [
    ['browser_press_key', { key: 'Right' }, 'Pressed.', { picture: true }],
  ],
  'editing the same file again and again': (n) => [edit(n)],
  'running the same failing test after different edits': (n) => [edit(n), red],
  'running the same passing test after different edits': (n) => [edit(n), sh('npm test', '40 passed')],
  'searching many files for a word that none has': (n) => [sh(`grep secret file${n}`, '[exit code 1]\n', failing)],
  'writing many files': (n) => [['file_write', { file: `f${n}`, content: '' }, 'Written.']],
  'answering the questions of an installer': (n) => [
    ['shell_write_to_process', { id: 'main', input: `answer ${n}` }, 'Typed.'],
  ],
  'stepping through a debugger': (n) => [
    ['shell_write_to_process', { id: 'gdb', input: 'next' }, 'Typed.'],
    ['shell_view', { id: 'gdb' }, `line ${n}`],
  ],
  bisecting: (n) => [sh('git bisect run ./check', `checked revision ${n}`)],
  'following a log that grows': (n) => [['file_read', { file: 'server.log' }, 'line\n'.repeat(n + 1)]],
  'asking a tool server for the status of a job': () => [['mcp_ci_job_status', { job: 7 }, 'queued']],
  'trying different commands that fail in different words': (n) => [sh(`try${n}`, `try${n}: not found`, failing)],
};

test.each(Object.entries(legitimate))('F083 stuck detection raises no alarm in %s', (_, loop) =>
  expect(alarm(loop)).toBeUndefined(),
);

test.each<[string, (round: number) => readonly CallRow[], RegExp]>([
  ['the same call with the same result', () => [sh('ls', 'a b')], /same result 4 times/],
  ['a retry without a pause and without a change', () => [sh('curl x', 'refused', failing)], thrice],
  ['different calls with the same error', (n) => [sh(`cat ${n}`, 'disk is broken', failing)], thrice],
  ['the same silent failure', () => [sh('grep a b', '[exit code 1]\n', failing)], /same result 4 times/],
  ['the same test again without an edit', () => [sh('npm test', '40 passed')], /same result 4 times/],
  ['an edit and its undoing', (n) => [edit(n % 2)], /alternated over 6 calls/],
  ['looking without end at what never changes', () => [['shell_view', { id: 'main' }, '$']], /same result 30 times/],
  ['a sleep between two equal calls, without end', () => [sh('sleep 1', ''), sh('ls', '')], /alternated over 30 calls/],
  ['the same picture tool without end', () => [['browser_click', { x: 1 }, 'Clicked.', { picture: true }]], /30 times/],
])('F083 stuck detection raises the alarm at %s', (_, loop, reason) => expect(alarm(loop, 31)).toMatch(reason));

describe('F083 after a restart', () => {
  const reply = (...commands: string[]) => ({
    runId: runId(),
    message: {
      ...({ role: 'assistant', model: 'demo', text: '', raw: [] } as const),
      calls: commands.map((command, n) => ({ callId: `${command}${n}`, name: 'shell_exec', args: { command } })),
    },
  });
  const answer = (callId: string, seq: number, of = runId()) => ({
    runId: of,
    seq,
    message: { role: 'tool', callId, name: 'shell_exec', output: 'same', success: true } as const,
  });

  test('the acts are those of the transcript, with equal calls of one reply once', () => {
    const entries = [reply('ls', 'ls'), answer('ls0', 3), answer('ls1', 4), reply('ls'), answer('ls0', 5)];
    const one = act(['shell_exec', { command: 'ls' }, 'same']);
    expect(listProgressEntries(entries, runId(), 0)).toEqual([one, one]);
  });

  test('acts before the last hint or answer, and those of other runs, do not count', () => {
    const entries = [reply('ls'), answer('ls0', 3), reply('ls'), answer('ls0', 9), answer('ls0', 9, runId(2))];
    expect(listProgressEntries(entries, runId(), 5)).toHaveLength(1);
  });

  test('a reply in words at the end is left to the run', () => {
    const words = { runId: runId(), message: { ...reply().message, text: 'Hm.' } };
    expect(listProgressEntries([reply('ls'), answer('ls0', 3), words], runId(), 0)).toHaveLength(1);
    expect(listProgressEntries([words, reply('ls'), answer('ls0', 3)], runId(), 0)[0]).toMatchObject({ kind: 'text' });
  });
});
