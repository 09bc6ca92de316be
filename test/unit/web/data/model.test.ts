import { expect, test } from 'vitest';
import type { Event } from '../../../../src/client/types.ts';
import { findModelRequestStart } from '../../../../src/web/data/items.ts';
import { ConversationState } from '../../../../src/web/data/model.ts';

let seq = 0;
const event = (type: Event['type'], data: object): Event =>
  ({ seq: ++seq, ts: 1_000 * seq, sessionId: 'ses-1', runId: 'run-1', type, data }) as unknown as Event;

function modelOf(...events: Event[]) {
  const model = new ConversationState();
  model.take(events);
  return model;
}
const kinds = (model: ConversationState) => model.items.value.map(({ kind }) => kind);

const requested = event('approval.requested', {
  callId: 'c1',
  function: 'shell_exec',
  args: { command: 'rm -r build' },
  expiresAt: 1,
});
const resolved = event('approval.resolved', {
  callId: 'c1',
  decision: 'approved',
  by: 'alice',
  args: { command: 'rm -r build/tmp' },
});
const calling = event('tool.calling', {
  callId: 'c1',
  tool: 'shell',
  function: 'shell_exec',
  args: { command: 'rm -r build/tmp' },
});

test('a permitted call is one card, with the arguments that ran and the decision', () => {
  const model = modelOf(requested, resolved, calling);
  expect(kinds(model)).toEqual(['tool']);
  const [card] = model.items.value;
  if (card?.kind !== 'tool') throw new Error('no card');
  expect(card.args).toEqual({ command: 'rm -r build/tmp' });
  expect(card.approval.value?.decided.value).toMatchObject({ by: 'alice' });
});

test('an agent that asks after it announced the call gets one card too, which is open until someone decides', () => {
  const model = modelOf(calling, requested);
  expect([kinds(model), model.open.value.map(({ kind }) => kind)]).toEqual([['tool'], ['approval']]);
  model.take([resolved]);
  expect(model.open.value).toEqual([]);
});

test('the words in which an approval is requested are not shown next to its card', () => {
  const words = event('message.assistant', { messageId: 'm', text: 'May I call shell_exec?', waits: 'approval' });
  const model = modelOf(requested, words, event('run.wait', { question: 'May I call shell_exec?' }));
  expect(kinds(model)).toEqual(['approval']);
  model.take([resolved, calling, event('message.assistant', { messageId: 'n', text: 'Done.' })]);
  expect(kinds(model)).toEqual(['tool', 'assistant']);
});

test('what a call waits for stands above it: the start of the sandbox, and a repository that cannot be cloned', () => {
  const failed = event('repository', { kind: 'failed', path: 'r', url: 'u', detail: 'No.' });
  expect(kinds(modelOf(calling, event('sandbox.phase', { phase: 'starting' }), failed))).toEqual([
    ...['phase', 'event', 'tool'],
  ]);
});

test('a call that nobody permitted keeps its own card', () => {
  const rejected = event('approval.resolved', { callId: 'c1', decision: 'rejected', by: 'alice' });
  expect(kinds(modelOf(requested, rejected))).toEqual(['approval']);
});

test('of the output of a running call the end is kept, up to two million characters', () => {
  const output = (text: string) => event('tool.output', { callId: 'c1', text });
  const [card] = modelOf(calling, output('a'.repeat(1_999_999)), output('bc')).items.value;
  if (card?.kind !== 'tool') throw new Error('no card');
  expect([card.state.value.live.length, card.state.value.live.slice(-3)]).toEqual([2_000_000, 'abc']);
});

const failure = (number: number) =>
  event('run.notice', { kind: 'waiting_provider', detail: 'Overloaded.', retry: { number, most: 5, inMs: 4_000 } });

test('a notice of what a run lacks is a line of its own', () =>
  expect(kinds(modelOf(event('run.notice', { kind: 'left_out', detail: 'm calls no tools.' })))).toEqual(['event']));

test('failures of the provider one after another are one line, with the next try and its time', () => {
  const third = failure(3);
  const model = modelOf(failure(1), failure(2), third);
  expect(kinds(model)).toEqual(['retry']);
  const [line] = model.items.value;
  if (line?.kind !== 'retry') throw new Error('no line');
  expect(line.state.value).toEqual({
    failures: 3,
    detail: 'Overloaded.',
    next: { number: 3, most: 5, at: third.ts + 4_000 },
    isOver: false,
  });
  model.take([event('message.assistant', { messageId: 'm', text: 'Here.' })]);
  expect(line.state.value.isOver).toBe(true);
  const last = modelOf(failure(1), event('run.error', { error: 'Overloaded.' }));
  const [first] = last.items.value;
  expect([kinds(last), first?.kind === 'retry' && first.state.value.detail]).toEqual([['retry', 'error'], '']);
  model.take([failure(1)]);
  expect(kinds(model)).toEqual(['retry', 'assistant', 'retry']);
});

const phase = (name: string) => event('sandbox.phase', { phase: name, ms: 0 });

test('a sandbox that was ready at once is no news', () => {
  expect([kinds(modelOf(phase('ready'))), kinds(modelOf(phase('starting'), phase('ready')))]).toEqual([[], ['phase']]);
  expect(kinds(modelOf(phase('lost'), phase('ready')))).toEqual(['phase', 'phase']);
});

test('a start of a sandbox that the end of its run overtook moves no longer, and ends above that end', () => {
  const end = event('run.end', { status: 'completed', reason: 'completed', task: 'a' });
  const model = modelOf(phase('starting'), end);
  const [line] = model.items.value;
  if (line?.kind !== 'phase') throw new Error('no line');
  expect(line.phase.value).toMatchObject({ phase: 'starting', isCut: true });
  model.take([phase('image'), phase('ready')]);
  const expected = [['phase', 'end'], 'ready', undefined];
  expect([kinds(model), line.phase.value.phase, line.phase.value.isCut]).toEqual(expected);
  const other = modelOf(phase('starting'), end, event('run.started', { task: 'b' }), phase('starting'));
  expect(kinds(other)).toEqual(['phase', 'end', 'phase']); // of the next run
});

test('a repository that cannot be used is no longer being fetched', () => {
  const setup = (kind: string) =>
    event('repository', { kind, url: 'https://example.org/a.git', path: 'a', detail: kind });
  const model = modelOf(phase('starting'), phase('ready'), setup('fetching'));
  const [line] = model.items.value;
  if (line?.kind !== 'phase') throw new Error('no line');
  expect(line.setup.value).toEqual([{ detail: 'fetching', isMoving: true }]);
  model.take([event('run.end', { status: 'completed', reason: 'completed', task: 'a' }), setup('failed')]);
  expect(line.setup.value).toEqual([]);
});

test.each([
  ['that cannot be used', ['failed'], true],
  ['that was fetched again', ['failed', 'fetching', 'ready'], false],
])('a run with a repository %s ends accordingly, though it completed', (_, kinds, isBlocked) => {
  const changes = kinds.map((kind) => event('repository', { kind, url: 'u', path: 'a', detail: kind }));
  const model = modelOf(...changes, event('run.end', { status: 'completed', reason: 'completed', task: 'a' }));
  expect(model.items.value.at(-1)).toMatchObject({ kind: 'end', isBlocked });
});

test('the end of a run knows the goal of its own message, and of no other', () => {
  const goal = { rubric: 'Short.', checks: [], maxRevisions: 1 };
  const ask = (text: string, more: object) =>
    event('message.user', { messageId: text, text, attachments: [], ...more });
  const end = (task: string, more: object = {}) =>
    event('run.end', { status: 'completed', reason: 'completed', task, ...more });
  const judged = { goal: { result: 'not_satisfied', reason: 'Long.', rounds: 1 } };
  const model = modelOf(ask('a', { goal }), end('a', judged), ask('a', {}), end('a'), ask('b', {}), end('b', judged));
  const goals = model.items.value.flatMap((item) => (item.kind === 'end' ? [item.goal] : []));
  expect(goals).toEqual([goal, undefined, undefined]);
});

test('a model that takes over another one continues where that one was', () => {
  const whole = modelOf(event('run.started', { task: 'x' }), calling, requested);
  const end = modelOf(event('message.assistant', { messageId: 'm', text: 'The end alone.' }));
  end.takeOver(whole);
  expect([kinds(end), end.open.value.map(({ kind }) => kind)]).toEqual([['tool'], ['approval']]);
  end.take([resolved, event('run.end', { status: 'completed', task: 'x' })]);
  expect([end.open.value, kinds(end)]).toEqual([[], ['tool', 'end']]);
});

test('a fork starts with no usage of its own', () => {
  const sums = { inputTokens: 5, outputTokens: 5 };
  const forked = (to: string) => event('session.forked', { from: 'ses-0', to, atSeq: 1, files: 'kept' });
  const model = modelOf(event('usage', sums), forked('ses-1'), event('usage', sums), forked('ses-2'));
  expect([model.used.value.turns, model.runUsed.value.turns]).toEqual([1, 1]);
});

test('an end whose run began before the part that was read names no sums', () => {
  const sums = { inputTokens: 5, outputTokens: 5 };
  const model = modelOf(event('usage', sums), event('run.end', { status: 'completed', task: 'x' }));
  expect(model.items.value.at(-1)).toMatchObject({ kind: 'end', ms: undefined, used: { turns: 0 } });
});

test('what a sandbox needs is folded into its line: phases, repositories and services', () => {
  const fetching = event('repository', { kind: 'fetching', url: 'u', path: 'p', detail: 'Fetching u.' });
  const fetched = event('repository', { kind: 'ready', url: 'u', path: 'p', detail: 'u is in p.' });
  const service = event('sandbox.service', { name: 'db', kind: 'ready', detail: 'db is ready.' });
  const committed = event('repository', { kind: 'committed', url: 'u', path: 'p', detail: 'Committed 1.' });
  for (const first of [[phase('starting'), phase('ready')], []]) {
    const model = modelOf(...first, fetching, fetched, service, committed);
    expect(kinds(model)).toEqual(['phase', 'event', 'event']); // where the repository is, and the commit
    const [line] = model.items.value;
    if (line?.kind !== 'phase') throw new Error('no line');
    expect(line.setup.value.map(({ detail }) => detail)).toEqual(['Fetching u.', 'u is in p.', 'db is ready.']);
    expect(line.setup.value.map(({ isMoving }) => isMoving)).toEqual([true, false, false]);
  }
});

test('work that is delegated to another agent is the card of its call', () => {
  const delegate = event('tool.calling', {
    callId: 'd',
    tool: 'delegate',
    function: 'delegate',
    args: { task: 'Look' },
  });
  const child = { sessionId: '0123456789abcdef', callId: 'd', task: 'Look' };
  const model = modelOf(delegate, event('child.started', child));
  expect(kinds(model)).toEqual(['tool']);
  const [card] = model.items.value;
  expect(card?.kind === 'tool' && card.child.value).toEqual(child);
  expect(kinds(modelOf(event('child.started', { ...child, callId: 'unknown' })))).toEqual(['event']);
});

test('the end of a run has the files that it wrote, each from its first text to its last', () => {
  const wrote = (name: string, oldContent: string | null, content: string) =>
    event('tool.called', {
      ...{ callId: `w${seq}`, function: name, success: true, output: '' },
      ...{ args: { file: '/workspace/a.txt' }, content: { oldContent, content } },
    });
  const end = () => event('run.end', { status: 'completed', reason: 'completed', task: 'x' });
  const model = modelOf(
    ...[event('run.started', { task: 'x' }), wrote('file_read', 'r', 'r'), wrote('file_find_in_content', null, '1: r')],
    ...[wrote('file_write', null, 'one'), wrote('file_str_replace', 'one', 'two'), end()],
    ...[event('run.started', { task: 'y' }), end()],
  );
  const ends = model.items.value.flatMap((item) => (item.kind === 'end' ? [item.edits] : []));
  expect(ends).toEqual([[{ path: 'a.txt', before: null, after: 'two' }], []]);
});

test('a model is thinking only while neither a reply arrives nor a call runs, whatever was sent or noted since', () => {
  const model = modelOf(event('message.user', { text: 'Go', attachments: [] }), event('run.started', {}));
  const since = () => findModelRequestStart(model.items.value);
  const note = (kind: string) => event('desktop', { kind, by: 'Ada', held: true });
  const steering = () => event('message.user', { text: 'Faster', attachments: [] });
  expect(since()).toBe(model.items.value[0]?.at);
  model.take([event('message.delta', { messageId: 'm', text: 'Hel' }), steering()]);
  expect(since()).toBeUndefined();
  model.take([
    event('message.assistant', { messageId: 'm', text: 'Hello' }),
    { ...calling, seq: ++seq },
    note('control_taken'),
  ]);
  expect(since()).toBeUndefined();
  const called = event('tool.called', { callId: 'c1', function: 'shell_exec', args: {}, success: true });
  model.take([called, note('control_returned'), steering()]);
  expect(since()).toBe(called.ts);
});
