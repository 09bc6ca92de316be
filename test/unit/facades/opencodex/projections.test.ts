import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { MessageId, RunId, SessionId } from '../../../../src/core/model/ids.ts';
import { toActions } from '../../../../src/facades/compat/opencodex/actions.ts';
import { toBlocks } from '../../../../src/facades/compat/opencodex/conversation/blocks.ts';
import { FrameTranslator } from '../../../../src/facades/compat/opencodex/conversation/frames.ts';
import { toMessages } from '../../../../src/facades/compat/opencodex/conversation/messages.ts';
import { derivePositionId, parsePositionId } from '../../../../src/facades/compat/opencodex/ids.ts';
import { toClientToolCall } from '../../../../src/facades/compat/opencodex/names.ts';
import { fact } from '../../../support/machines/session-parts.ts';

const session = SessionId.parse('5f2a0c9be41d7733');
const run = RunId.parse('11111111-1111-4111-8111-111111111111');
const other = RunId.parse('22222222-2222-4222-8222-222222222222');
const replied = (n: number) => MessageId.parse(`33333333-3333-4333-8333-00000000000${n}`);
const view = { workdir: '/workspace' };
const ts = 1_700_000_000_000;
const iso = '2023-11-14T22:13:20.000Z';

const log = (...facts: SessionFact[]): SessionEvent[] =>
  facts.map((fact, n) => ({ ...fact, seq: n + 1, sessionId: session, ts }));
const user = (text: string, n = 1, runId = run): SessionFact =>
  fact('message.user', { messageId: replied(n), text, attachments: [] }, runId);
const started = (runId = run): SessionFact => fact('run.started', { task: 'Hi', messageId: replied(1) }, runId);
const delta = (text: string, n: number): SessionFact => fact('message.delta', { messageId: replied(n), text }, run);
const whole = (text: string, n: number): SessionFact =>
  fact('message.assistant', { messageId: replied(n), text, attachments: [] }, run);
const call = { callId: 'call_1', tool: 'shell', function: 'shell_exec', args: { id: 'main', command: 'ls' } } as const;
const calling: SessionFact = { type: 'tool.calling', runId: run, data: call };
const called = (more: object = {}): SessionFact =>
  fact('tool.called', { ...call, success: true, output: 'a\n', exitCode: 0, content: null, ...more }, run);
const question = { callId: 'q', tool: 'message', function: 'message_ask_user', args: { text: 'Which?' } } as const;
const asking: SessionFact[] = [
  { type: 'tool.calling', runId: run, data: question },
  whole('Which?', 5),
  { type: 'run.wait', runId: run, data: { question: 'Which?' } },
];
const answered: SessionFact[] = [
  user('The first', 6),
  { type: 'run.resumed', runId: run, data: { messageId: replied(6) } },
  { type: 'tool.called', runId: run, data: { ...question, success: true, output: 'The first', content: null } },
];
const begun = [user('Hi'), started()];
const end = (status: 'completed' | 'stopped' | 'failed' = 'completed', runId = run): SessionFact =>
  fact('run.end', { status, reason: status, task: 'Hi' }, runId);

describe('derived ids', () => {
  const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const id = fc.stringMatching(/^[0-9a-f]{16}$/).map((text) => SessionId.parse(text));

  test('are UUIDs that say where they come from', () => {
    fc.assert(
      fc.property(id, seq, (from, n) => {
        const made = derivePositionId('action', { session: from, seq: n });
        expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(parsePositionId('action', made)).toEqual({ session: from, seq: n });
        expect(parsePositionId('result', made)).toBeUndefined();
      }),
    );
  });

  test.each(['', 'x', run, `${derivePositionId('action', { session, seq: 1 })}0`])('%j is none', (input) =>
    expect(parsePositionId('action', input)).toBeUndefined(),
  );
});

describe('tools', () => {
  test.each([
    ['shell_exec', { id: 'main', exec_dir: '/workspace', command: 'ls' }, 'bash', { command: 'ls' }],
    ['file_write', { file: '/workspace/a', content: 'x' }, 'file_write', { path: '/workspace/a', content: 'x' }],
    ['file_read', { file: 'a', start_line: 3 }, 'file_read', { path: 'a' }],
    [
      'file_str_replace',
      { file: 'a', old_str: 'x', new_str: 'y' },
      'file_edit',
      { path: 'a', old_string: 'x', new_string: 'y' },
    ],
    ['file_find_in_content', { file: 'a', regex: 'x' }, 'search', { pattern: 'x', path: 'a' }],
    ['file_find_by_name', { path: '.', glob: '*.ts' }, 'search', { pattern: '*.ts', path: '.' }],
    ['shell_view', { id: 'main' }, 'shell_view', { id: 'main' }],
  ])('%s is shown in this facade', (name, args, tool, shown) =>
    expect(toClientToolCall({ function: name, args }, view)).toEqual({ tool, args: shown }),
  );

  test('a workspace elsewhere is shown as /workspace', () => {
    const elsewhere = { workdir: '/data/s/x/workspace' };
    const path = (file: string) => toClientToolCall({ function: 'file_read', args: { file } }, elsewhere).args.path;
    expect([path('/data/s/x/workspace/a/b'), path('/data/s/x/workspace')]).toEqual(['/workspace/a/b', '/workspace']);
    expect(path('/data/s/x/workspaces/a')).toBe('/data/s/x/workspaces/a');
  });
});

describe('messages', () => {
  const rows = (...facts: SessionFact[]) => toMessages(log(...facts), view).map(({ message }) => message);

  test('all that a run says is one message, with what it did', () => {
    const [first, second, ...rest] = rows(...begun, whole('One', 2), calling, called(), whole('Two', 3), end());
    expect(rest).toEqual([]);
    expect(first).toEqual({
      id: replied(1),
      chat_session_id: session,
      role: 'user',
      content: 'Hi',
      message_metadata: {},
      created_at: iso,
      agent_actions: [],
    });
    expect(second).toMatchObject({ id: run, role: 'assistant', content: 'One\n\nTwo', message_metadata: {} });
    expect(second?.agent_actions).toMatchObject([{ action_type: 'bash', status: 'success', message_id: run }]);
  });

  test('a working run is an empty row that streams', () =>
    expect(rows(...begun, whole('One', 2), calling)[1]).toMatchObject({
      id: run,
      content: '',
      message_metadata: { streaming: true },
      agent_actions: [],
    }));

  test('a wait fills and closes the row, and an answer opens the next one, below it', () => {
    const requests = [...begun, whole('One', 2), calling, called(), ...asking];
    expect(rows(...requests)[1]).toMatchObject({ content: 'One\n\nWhich?', message_metadata: {}, agent_actions: [{}] });
    const going = [...requests, ...answered, whole('Two', 7)];
    const closed = rows(...going);
    expect(closed.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect(closed[1]).toMatchObject({ id: run, content: 'One\n\nWhich?', message_metadata: {}, agent_actions: [{}] });
    expect(closed[3]).toMatchObject({ content: '', message_metadata: { streaming: true }, agent_actions: [] });
    const again: SessionFact[] = [calling, called()];
    const over = rows(...going, ...again, end());
    expect(over[1]).toEqual(closed[1]);
    expect(over[3]).toMatchObject({ id: closed[3]?.id, content: 'Two', message_metadata: {} });
    expect(over[3]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8/);
    expect(over[3]?.agent_actions).toMatchObject([{ message_id: over[3]?.id }]);
    const actions = toActions(log(...going, ...again), view);
    expect(actions.map(({ message_id }) => message_id)).toEqual([run, over[3]?.id]);
  });

  test('approval of a call opens no other message', () => {
    const waits: SessionFact = { type: 'run.wait', runId: run, data: { question: 'May I?' } };
    const goesOn: SessionFact = { type: 'run.resumed', runId: run, data: {} };
    const all = rows(...begun, whole('One', 2), waits, goesOn, whole('Two', 3), end());
    expect(all.map(({ content }) => content)).toEqual(['Hi', 'One\n\nTwo']);
  });

  test('a queued run has no row, and neither does a finished run without a message', () => {
    expect(rows(user('Hi'))).toHaveLength(1);
    expect(rows(...begun, calling, called(), end('stopped'))).toHaveLength(1);
    expect(rows(user('Hi'), end('stopped'))).toHaveLength(1);
  });

  test('a run whose beginning is gone from the log is a row where it begins now', () => {
    const [, ...rest] = log(started(), calling, called(), whole('One', 2), end());
    const [row] = toMessages(rest, view);
    const expected = { seq: 2, message: { id: run, content: 'One', agent_actions: [{ action_type: 'bash' }] } };
    expect(row).toMatchObject(expected);
    expect(toMessages(rest.slice(0, 3), view)[0]?.message.message_metadata).toEqual({ streaming: true });
  });

  test('a failed run is its text without the pending action, and a message with its error, the same at each load', () => {
    const error: SessionFact = { type: 'run.error', runId: run, data: { error: 'The model is gone.' } };
    const load = () => rows(...begun, whole('One', 2), calling, error, end('failed'));
    const shown = { role: 'assistant', agent_actions: [] };
    expect(load().slice(1)).toMatchObject([
      { ...shown, content: 'One', message_metadata: {} },
      { ...shown, content: 'The model is gone.', message_metadata: { error: true } },
    ]);
    expect(load()).toEqual(load());
  });
});

describe('actions', () => {
  test('a call is pending until its result is there', () => {
    const [pending] = toActions(log(...begun, calling), view);
    expect(pending).toEqual({
      id: derivePositionId('action', { session, seq: 3 }),
      chat_session_id: session,
      message_id: run,
      action_type: 'bash',
      action_input: { command: 'ls' },
      action_output: null,
      status: 'pending',
      action_metadata: {},
      created_at: iso,
    });
    const [done] = toActions(log(...begun, calling, called({ success: false, exitCode: 2 })), view);
    const expected = { ...pending, status: 'error', action_output: { success: false, result: 'a\n', exit_code: 2 } };
    expect(done).toEqual(expected);
  });

  test('a question is none', () => expect(toActions(log(...begun, ...asking, ...answered), view)).toEqual([]));

  test('the same call id in two runs is two actions', () => {
    const again: SessionFact = { ...calling, runId: other } as SessionFact;
    const actions = toActions(log(calling, called(), again), view);
    expect(actions.map(({ status }) => status)).toEqual(['success', 'pending']);
  });
});

describe('blocks', () => {
  test('a conversation is its texts, calls and results', () => {
    const blocks = toBlocks(log(...begun, whole('One', 2), calling, called(), end()), view);
    const call = derivePositionId('action', { session, seq: 4 });
    const result = derivePositionId('result', { session, seq: 5 });
    expect(blocks).toMatchObject([
      { id: replied(1), block_type: 'user_text', author: 'user', content: { text: 'Hi' }, parent_block_id: null },
      { id: replied(2), block_type: 'assistant_text', author: 'assistant', content: { text: 'One' } },
      { id: call, block_type: 'tool_call', author: 'assistant' },
      { id: result, block_type: 'tool_result', author: 'tool', parent_block_id: call },
    ]);
    expect(blocks.map((one) => one.sequence_number)).toEqual([1, 3, 4, 5]);
    expect(blocks.slice(2).map(({ content }) => content)).toEqual([
      { tool_name: 'bash', arguments: { command: 'ls' }, status: 'complete' },
      { tool_name: 'bash', success: true, result: 'a\n' },
    ]);
    expect(blocks[0]).toMatchObject({ block_metadata: {}, created_at: iso, updated_at: iso });
  });

  test.each([
    ['no such file', 2, 'no such file'],
    ['', 2, 'exit code 2'],
  ])('a failure with the output %j is the error %j', (output, exitCode, error) => {
    const last = toBlocks(log(started(), calling, called({ success: false, output, exitCode }), end()), view).at(-1);
    expect(last?.content).toEqual({ tool_name: 'bash', success: false, error });
  });

  test('an unfinished message has no blocks; a waiting run has all of them, also after it continues', () => {
    const working = [...begun, whole('One', 2), calling, called()];
    expect(toBlocks(log(...working), view).map(({ block_type }) => block_type)).toEqual(['user_text']);
    expect(toBlocks(log(...working, ...asking), view).map(({ block_type }) => block_type)).toEqual([
      ...['user_text', 'assistant_text', 'tool_call', 'tool_result', 'assistant_text'],
    ]);
    expect(toBlocks(log(...working, ...asking, ...answered, whole('Two', 7)), view)).toHaveLength(6);
    expect(toBlocks(log(...working, end('stopped')), view)).toHaveLength(4);
  });
});

describe('frames', () => {
  const shown = (frames: FrameTranslator, event: SessionEvent): Readonly<Record<string, unknown>>[] => {
    const frame = frames.of(event);
    return frame ? [frame] : [];
  };
  const framesOf = (...facts: SessionFact[]) => {
    const frames = new FrameTranslator(view);
    return log(...facts).flatMap((event): Record<string, unknown>[] => shown(frames, event));
  };
  const joined = (frames: readonly Record<string, unknown>[]) =>
    frames.flatMap(({ type, content }) => (type === 'chunk' ? [content] : [])).join('');

  test('a run is shown from start to end', () => {
    const all = framesOf(
      ...begun,
      { type: 'title', runId: run, data: { title: 'Hi' } },
      delta('On', 2),
      delta('e', 2),
      whole('One', 2),
      { type: 'plan', runId: run, data: { steps: [] } },
      calling,
      called(),
      whole('Two', 3),
      end(),
    );
    const step = { tool: 'bash', step: 1, action_id: derivePositionId('action', { session, seq: 8 }) };
    const frames: [seq: number, frame: object][] = [
      [1, { type: 'user_text_block', block: toBlocks(log(user('Hi')), view)[0] }],
      [2, { type: 'start', run_id: run, user_message_id: replied(1) }],
      [3, { type: 'title_updated', session_id: session, title: 'Hi' }],
      [4, { type: 'chunk', content: 'On', message_id: run }],
      [5, { type: 'chunk', content: 'e', message_id: run }],
      [8, { ...step, type: 'action', args: { command: 'ls' } }],
      [9, { ...step, type: 'observation', content: 'a\n', success: true, metadata: {}, exit_code: 0 }],
      [10, { type: 'chunk', content: '\n\nTwo', message_id: run }],
      [11, { type: 'end', message_id: run }],
    ];
    expect(all).toEqual(frames.map(([seq, frame]) => ({ ...frame, seq, timestamp: iso })));
  });

  test('a run that stopped or failed says so at its end, and an error has its text twice', () => {
    const common = { message_id: run, timestamp: iso };
    expect(framesOf(end('stopped'))).toEqual([{ ...common, type: 'end', cancelled: true, seq: 1 }]);
    expect(framesOf({ type: 'run.error', runId: run, data: { error: 'It broke.' } }, end('failed'))).toMatchObject([
      { type: 'error', content: 'It broke.', message: 'It broke.' },
      { ...common, type: 'end', error: true, seq: 2 },
    ]);
  });

  test('a question ends with waiting, and its answer starts the same run again', () => {
    const all = framesOf(...begun, ...asking, ...answered);
    expect(all.map(({ type }) => type)).toEqual([
      ...['user_text_block', 'start', 'chunk', 'end', 'user_text_block', 'start'],
    ]);
    expect(all[3]).toMatchObject({ waiting: true, message_id: run });
    expect(all[5]).toMatchObject({ run_id: run, user_message_id: replied(6) });
    const complete = [...begun, ...asking, ...answered, whole('Two', 7), end()];
    const [, , , reply] = toMessages(log(...complete), view);
    expect(framesOf(...complete).slice(6)).toMatchObject([
      { type: 'chunk', content: 'Two', message_id: reply?.message.id },
      { type: 'end', message_id: reply?.message.id },
    ]);
  });

  test('a run that continues without an answer starts again for the message before', () => {
    const waits: SessionFact = { type: 'run.wait', runId: run, data: { question: 'May I?' } };
    const goesOn: SessionFact = { type: 'run.resumed', runId: run, data: {} };
    const starts = (...facts: SessionFact[]) =>
      framesOf(...facts).flatMap(({ type, user_message_id }) => (type === 'start' ? [user_message_id] : []));
    expect(starts(...begun, waits, goesOn)).toEqual([replied(1), replied(1)]);
    const expected = [replied(1), replied(6), replied(6)];
    expect(starts(...begun, ...asking, ...answered, waits, goesOn)).toEqual(expected);
  });

  test('steps count the calls of a run, questions left out, and begin again with the next', () => {
    const second = (fact: SessionFact, callId: string) => ({ ...fact, data: { ...fact.data, callId } }) as SessionFact;
    const steps = framesOf(
      started(),
      calling,
      called(),
      ...asking,
      ...answered,
      second(calling, 'call_2'),
      second(called(), 'call_2'),
      end(),
      started(other),
      { ...calling, runId: other } as SessionFact,
    ).flatMap(({ step }) => (step === undefined ? [] : [step]));
    expect(steps).toEqual([1, 1, 2, 2, 1]);
  });

  test('chunks joined are the stored text, however much of it came in deltas', () => {
    const texts = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.nat(), fc.boolean()), { maxLength: 8 });
    fc.assert(
      fc.property(texts, (messages) => {
        const facts = messages.flatMap(([text, at, streams], n) => {
          const cut = at % text.length;
          const pieces = streams ? [text.slice(0, cut), text.slice(cut)].filter((piece) => piece !== '') : [];
          return [...pieces.map((piece) => delta(piece, n)), whole(text, n)];
        });
        const all = [user('Hi', 9), started(), ...facts, end()];
        const stored = toMessages(log(...all), view)[1]?.message.content ?? '';
        expect(joined(framesOf(...all))).toBe(stored);
      }),
    );
  });

  test('a message without its first deltas is sent in full, and later messages as usual', () => {
    const facts = [
      started(),
      delta('O', 2),
      delta('n', 2),
      delta('e', 2),
      whole('One', 2),
      delta('Two', 3),
      whole('Two', 3),
    ];
    const all = log(user('Hi'), ...facts, end());
    for (const gone of [[3], [3, 4], [3, 4, 5], [3, 4, 5, 7]]) {
      const frames = new FrameTranslator(view);
      const rest = all.filter(({ seq }) => !gone.includes(seq)).flatMap((event) => shown(frames, event));
      const chunks = rest.flatMap(({ type, content }) => (type === 'chunk' ? [content] : []));
      expect(chunks, `without ${gone}`).toEqual(['One', '\n\nTwo']);
    }
  });

  test('a subscriber that resumes within a message gets the rest of it, also after earlier deltas are compacted', () => {
    const pieces = ['O', 'n', 'e', '!'].map((text) => delta(text, 2));
    const all = log(...begun, ...pieces, whole('One!', 2), whole('Two', 3), end());
    for (const cursor of [3, 4, 5, 6]) {
      for (let gone = 3; gone <= cursor; gone++) {
        const frames = new FrameTranslator(view);
        const left = all.filter(({ seq }) => seq < 3 || seq > gone);
        frames.skip(
          left.filter(({ seq }) => seq <= cursor),
          cursor,
        );
        const rest = left.filter(({ seq }) => seq > cursor).flatMap((event) => shown(frames, event));
        expect(joined(rest), `after ${cursor}, without those to ${gone}`).toBe(`${'One!'.slice(cursor - 2)}\n\nTwo`);
      }
    }
  });

  test('a subscriber misses nothing after its cursor, whatever was compacted before it', () => {
    const all = log(...begun, whole('One', 2), user('And?', 6), delta('Two', 3));
    const frames = new FrameTranslator(view);
    frames.skip(all.slice(3, 4), 4);
    expect(all.slice(4).flatMap((event) => shown(frames, event))).toMatchObject([{ type: 'chunk', content: 'Two' }]);
  });

  test('a subscriber that joins during a run gets the same frames as the others from there on', () => {
    const all = log(
      ...begun,
      delta('On', 2),
      delta('e', 2),
      whole('One', 2),
      calling,
      called(),
      delta('T', 3),
      whole('Two', 3),
      end(),
    );
    const complete = new FrameTranslator(view);
    const expected = all.flatMap((event) => shown(complete, event));
    for (let cursor = 1; cursor < all.length; cursor++) {
      const late = new FrameTranslator(view);
      late.skip(all.slice(1, cursor), cursor); // the events so far, in the order of the stream
      const rest = all.slice(cursor).flatMap((event) => shown(late, event));
      expect(rest, `after ${cursor}`).toEqual(expected.filter((frame) => Number(frame.seq) > cursor));
    }
  });
});
