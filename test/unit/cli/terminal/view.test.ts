import { expect, test } from 'vitest';
import { formatChatBlock, formatPlan } from '../../../../src/cli/terminal/block-text.ts';
import { formatMarkdown, paintAnsi, paintPlain } from '../../../../src/cli/terminal/markdown.ts';
import { applyEvent, type ChatView, emptyChatView, formatChatStatus } from '../../../../src/cli/terminal/view.ts';
import type { Event } from '../../../../src/client/index.ts';

const event = (type: Event['type'], data: object, ts = 0) =>
  ({ seq: 1, sessionId: 's', ts, type, runId: 'r', data }) as unknown as Event;
const after = (...events: readonly Event[]): ChatView => events.reduce(applyEvent, emptyChatView);
const shown = (view: ChatView) => view.blocks.map((block) => formatChatBlock(block, paintPlain));

test('words come piece by piece, and stay once they are whole', () => {
  const pieces = [
    event('message.delta', { messageId: 'm', text: 'One ' }),
    event('message.delta', { messageId: 'm', text: '**two**' }),
  ];
  expect(after(...pieces)).toMatchObject({ reply: 'One **two**', blocks: [] });
  const whole = after(...pieces, event('message.assistant', { messageId: 'm', text: 'One **two**', attachments: [] }));
  expect([whole.reply, shown(whole)]).toEqual(['', ['One two']]);
});

const call = { callId: 'c', tool: 'shell', function: 'shell_exec', args: { command: 'make' } };

test('a call shows its output while it works, then its end and how long it took', () => {
  const working = after(event('tool.calling', call, 1_000), event('tool.output', { callId: 'c', text: 'half' }, 1_100));
  expect(working.calls.get('c')).toMatchObject({ title: '$ make', output: 'half' });
  const ended = applyEvent(
    working,
    event('tool.called', { ...call, success: false, exitCode: 2, output: 'all\n', content: null }, 3_500),
  );
  expect([ended.calls.size, shown(ended)]).toEqual([0, ['✗ $ make exit 2, 2.5 s\n  all']]);
});

test('a call that changed a file shows the difference', () => {
  const content = { content: 'one\nthree\n', oldContent: 'one\ntwo\n' };
  const view = after(event('tool.called', { ...call, args: { file: 'a.txt' }, success: true, output: '', content }));
  expect(shown(view)).toEqual(['✓ shell_exec a.txt\n  @@ -1,2 +1,2 @@\n   one\n  -two\n  +three']);
});

test.each(['file_read', 'file_find_in_content', 'grep'])('a call of %s shows what it found', (name) => {
  const read = { ...call, function: name, args: { file: 'a.txt' }, success: true, output: 'a.txt:1: one' };
  const content = { content: 'a.txt:1: one', oldContent: null };
  expect(shown(after(event('tool.called', { ...read, content })))).toEqual([`✓ ${name} a.txt\n  a.txt:1: one`]);
});

test('a plan follows its steps, and a call that keeps the plan is not shown', () => {
  const steps = [{ id: '1', description: 'Read', status: 'pending' }];
  const todo = { ...call, function: 'todo', args: { steps } };
  const view = after(
    event('tool.calling', todo),
    event('plan', { steps }),
    event('tool.called', { ...todo, success: true, output: 'Noted.', content: null }),
    event('step', { id: '1', description: 'Read', status: 'completed' }),
  );
  expect([view.blocks, formatPlan(view.plan, paintPlain)]).toEqual([[], '☑ Read']);
});

test('a question and an approval wait until they are answered, and end with the run', () => {
  const approval = { callId: 'c', function: 'shell_exec', args: {}, expiresAt: 1 };
  const waiting = after(event('run.wait', { question: 'Which?' }), event('approval.requested', approval));
  expect(waiting).toMatchObject({ question: 'Which?', approvals: [{ callId: 'c' }] });
  const inWords = event('message.assistant', { messageId: 'm', text: 'May I?', waits: 'approval' });
  expect(applyEvent(waiting, inWords).blocks).toEqual([]);
  expect(applyEvent(waiting, event('run.resumed', {})).question).toBeUndefined();
  expect(
    applyEvent(waiting, event('approval.resolved', { callId: 'c', decision: 'approved', by: 'a' })).approvals,
  ).toEqual([]);
  const over = applyEvent(waiting, event('run.end', { status: 'stopped', reason: 'stopped', task: '' }));
  expect(over).toMatchObject({ question: undefined, approvals: [], since: undefined });
  expect(shown(over)).toEqual(['! Run stopped.']);
});

test('an answer that names a port of the sandbox says once how to open it', () => {
  const text = 'See http://localhost:3000/a, or 127.0.0.1:3000. Not example.test:80.';
  const [, hint, ...more] = shown(after(event('message.assistant', { messageId: 'm', text })));
  expect([hint, more]).toEqual([expect.stringMatching(/^Port 3000 .*: corral port \w+ 3000$/), []]);
});

test('a notice of what a run lacks is shown', () =>
  expect(shown(after(event('run.notice', { kind: 'left_out', detail: 'm calls no tools.' })))).toEqual([
    '! m calls no tools.',
  ]));

test('the status adds up tokens and cost, and tells the time of the run', () => {
  const usage = (cost: number | undefined) =>
    event('usage', { model: 'm/x', inputTokens: 900, outputTokens: 200, ...(cost !== undefined && { cost }) });
  const view = after(event('run.started', { task: 't', messageId: 'm' }, 1_000), usage(0.25), usage(undefined));
  expect([formatChatStatus(view, 6_400), formatChatStatus(emptyChatView, 0)]).toEqual([
    'm/x · 2.2k tokens · cost 0.25 · 5 s',
    '',
  ]);
  const ended = applyEvent(view, event('run.end', { status: 'completed', task: '' }, 6_400));
  expect(shown(ended)).toEqual(['m/x · 2.2k tokens · cost 0.25 · 5 s']);
  const next = applyEvent(ended, event('run.started', { task: 't', messageId: 'm' }, 9_000));
  expect(formatChatStatus(next, 9_000)).toBe('m/x · 0 s');
});

test.each([
  ['a heading', '# One', 'One'],
  ['a list', '- one\n- two\n  1. three', '• one\n• two\n  1. three'],
  ['tasks', '- [x] done\n- [ ] open', '• ☑ done\n• ☐ open'],
  ['code', '```js\na < b\n```', '  a < b'],
  ['a link', '[here](https://a.test)', 'here (https://a.test)'],
  ['footnotes', 'So[^1] and[^b].\n\n[^1]: Why.\n\n[^b]: Why not so.', 'So[1] and[b].\n\n[1]: Why.\n\n[b]: Why not so.'],
  ['a quote', '> one\n> two', '│ one\n│ two'],
  ['a table of wide characters', '| 名 | b |\n| --- | --- |\n| 10 | 2 |', '名 │ b\n───┼──\n10 │ 2'],
  ['a column on the right', '| a | b |\n| ---: | --- |\n| 10 | 2 |', ' a │ b\n───┼──\n10 │ 2'],
  ['a table', '| a | b |\n| --- | --- |\n| 10 | 2 |', 'a  │ b\n───┼──\n10 │ 2'],
  ['half of a block of code, while it comes', '```sh\necho', '  echo'],
])('%s is shown as text', (_, markdown, text) => expect(formatMarkdown(markdown, paintPlain)).toBe(text));

test('words are styled, and an escape sequence of the agent is gone', () => {
  const text = formatMarkdown('**bold** \u001b[2J`code`', paintAnsi);
  expect(text).toBe('\u001b[1mbold\u001b[22m \u001b[36mcode\u001b[39m');
});
