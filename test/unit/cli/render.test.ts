import { expect, test } from 'vitest';
import { ParsedOptions } from '../../../src/cli/command.ts';
import { attemptsCommand } from '../../../src/cli/commands/attempts.ts';
import { checkCommand, patchCommand } from '../../../src/cli/commands/ship.ts';
import { createProcessIo, escapeControls, toOneLine, toPrintable } from '../../../src/cli/io.ts';
import { createEventRenderer } from '../../../src/cli/render.ts';
import type { Event } from '../../../src/client/index.ts';
import { eventSummaryOf } from '../../../src/core/model/event-traits.ts';
import { textIo } from '../../support/text-io.ts';

const event = (type: Event['type'], data: object) =>
  ({ seq: 1, sessionId: 's', ts: 0, type, runId: 'r', data }) as unknown as Event;

test('a call that keeps the plan is shown by the plan alone, unless it fails', () => {
  const { io, shown } = textIo();
  const { show } = createEventRenderer(io, { quiet: false });
  const call = { callId: 'c', tool: 'message', function: 'todo', args: { steps: [] } };
  show(event('tool.calling', call));
  show(event('tool.called', { ...call, success: true, output: 'Noted. No step is left.', content: null }));
  expect(shown()).toBe('');
  show(event('tool.called', { ...call, success: false, output: 'Only one step can be running.', content: null }));
  expect(shown()).toContain('Only one step can be running.');
});

test.each([
  ['session.created', { origin: 'trpc', template: 'default' }, 'by trpc, from the template default'],
  ['egress', { host: 'a.test', port: 443, decision: 'refused', rule: 'none' }, 'refused a.test:443 (none)'],
  ['usage', { model: 'm', inputTokens: 8, outputTokens: 14, cost: 0.5 }, 'm: 8 tokens in, 14 out, 0.5000'],
  ['run.end', { status: 'completed', reason: 'completed', task: 't' }, 'completed'],
  ['run.end', { status: 'stopped', reason: 'superseded', task: 't' }, 'stopped: superseded'],
  ['approval.resolved', { callId: 'c', decision: 'rejected', by: 'ann', text: 'not now' }, 'rejected by ann: not now'],
  ['title', { title: 'Words' }, 'Words'],
] as const)('%s is shown in words', (type, data, expected) => expect(eventSummaryOf(event(type, data))).toBe(expected));

test('an event of a newer server is a line without words, and no JSON', () =>
  expect(eventSummaryOf(event('later' as Event['type'], { a: 1 }))).toBe(''));

test.each([
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
  ['a title for the window', '\u001b]0;title\u0007text', 'text'],
  ['a link', '\u001b]8;;https://a\u001b\\here\u001b]8;;\u001b\\', 'here'],
  ['a lone escape at the end', 'text\u001b', 'text'],
  ['carriage returns and backspaces', 'secret\rpublic\u0008', 'secretpublic'],
  ['letters that turn the direction of text', 'a\u202eb', 'ab'],
  ['line breaks and tabs, which stay', 'a\r\n\tb\n', 'a\n\tb\n'],
])('text of others cannot steer the terminal: %s', (_, text, shown) => expect(toPrintable(text)).toBe(shown));

test('a line is cut where it does not fit', () => {
  expect([toOneLine('one\ntwo', 10), toOneLine('abcdefgh', 5)]).toEqual(['one', 'abcd…']);
});

test.each([
  ['the clipboard (OSC 52)', '\u001b]52;c;ZXZpbA==\u0007text', 'text'],
  ['a title in 8 bits', 'a\u009d0;title\u009cb', 'a\\u009d0;title\\u009cb'],
  ['a colour that is not ours', '\u001b[8mhidden\u001b[5;31m', 'hidden'],
  ['a cursor', 'a\u001b[2J\u001b[1;1Hb', 'ab'],
  ['a carriage return in a line', 'good\rbad', 'goodbad'],
  ['line ends, which stay', 'a\r\n\tb', 'a\r\n\tb'],
  ['JSON, which keeps its value', JSON.stringify({ a: '\u009b\u007f\u202e' }), '{"a":"\\u009b\\u007f\\u202e"}'],
])('no line of a command steers the terminal: %s', (_, line, shown) =>
  expect([escapeControls(line, false), escapeControls(line, true)]).toEqual([shown, shown]),
);

const hostile = '+a\u001b]52;c;ZXZpbA==\u0007\u009b2Jb\n';
const box = {
  attempts: { list: async () => [{ id: 'x' }], diff: async () => ({ text: hostile, truncated: false }) },
  api: {
    repositories: {
      list: { query: async () => [{ path: 'app' }] },
      check: { mutate: async () => ({ checks: [{ name: 'test', status: 'failed', output: hostile }] }) },
      patch: { query: async () => ({ text: hostile }) },
    },
  },
};
const id = '0'.repeat(16);
test.each([
  ['attempts diff', attemptsCommand, ['diff', id, '1'], true, '+a\\u009b2Jb\n'],
  ['check', checkCommand, [id], true, 'failed    test\n+a\\u009b2Jb\n\n'],
  ['patch', patchCommand, [id], true, '+a\\u009b2Jb\n'],
  ['patch into git am', patchCommand, [id], false, hostile],
] as const)(
  'commands escape control characters of an agent, except in a patch for a pipe: %s',
  async (_, command, args, isTTY, expected) => {
    const { io, shown } = textIo();
    io.stdout.isTTY = isTTY;
    const corral = () => ({ open: async () => box }) as never;
    const options = new ParsedOptions({});
    await command.run({ args, isProgram: false, options, io: createProcessIo(io.signal, io), corral });
    expect(shown()).toBe(expected);
  },
);

test('colours of our own reach a terminal that shows them', () =>
  expect([escapeControls('\u001b[2mdim\u001b[22m', true), escapeControls('\u001b[2mdim\u001b[22m', false)]).toEqual([
    '\u001b[2mdim\u001b[22m',
    'dim',
  ]));
