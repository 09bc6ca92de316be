import { describe, expect, test } from 'vitest';
import { SessionId } from '../../../../../src/core/model/ids.ts';
import type { RunWriter } from '../../../../../src/sessions/run/log/run-writer.ts';
import { fact, messageId, quiet, runId, scribeBench } from '../../../../support/machines/session-parts.ts';

const call = { callId: 'c1', tool: 'shell', function: 'shell_exec', args: { id: 'main', command: 'make' } } as const;
const done = { success: true, output: 'done', content: null } as const;
const running = { id: '1', description: 'Make it', status: 'running' } as const;
const stopped = () => fact('run.end', { status: 'stopped', reason: 'stopped', task: 'x' });

describe('a run that is written down', () => {
  test('puts what came in before the model, once, in order', () => {
    const { runWriter, transcript } = scribeBench({ inbox: [{ messageId: messageId(1), text: 'one' }] });
    runWriter.hear({ messageId: messageId(2), text: 'two' });
    expect(runWriter.unheard).toHaveLength(2);
    runWriter.takeIn();
    runWriter.takeIn();
    expect(transcript.entries.map(({ message }) => message)).toEqual([
      { role: 'user', text: 'one' },
      { role: 'user', text: 'two' },
    ]);
    expect(runWriter.unheard).toEqual([]);
  });

  test('stores what is new in the transcript in the same append as its facts', async () => {
    const { runWriter, store, appends } = scribeBench({ inbox: [{ messageId: messageId(1), text: 'one' }] });
    runWriter.takeIn();
    await runWriter.write(runWriter.title('T'));
    expect(appends).toEqual([1]);
    expect(await store.records.list('transcript')).toMatchObject([{ doc: { message: { text: 'one' } } }]);
  });

  test.each<[string, (of: RunWriter) => Promise<unknown>, types: string[]]>([
    ['with the next ones', (of) => of.write(of.plan([running])), ['title', 'plan']],
    ['with the end of the run', (of) => of.close([stopped()], 'cancelled'), ['title', 'run.end']],
    ['before a turn begins', (of) => of.flush(), ['title']],
  ])('appends facts that it owes %s', async (_, happens, expected) => {
    const { runWriter, appends, types } = scribeBench();
    runWriter.deferToNextWrite(runWriter.title('T'));
    await quiet();
    expect(appends).toEqual([]);
    await happens(runWriter);
    expect([appends, await types()]).toEqual([[expected.length], expected]);
  });

  test('tells of the child of a call once, also after a restart, and leaves the child out of the result', async () => {
    const child = SessionId.parse('aaaaaaaaaaaaaaaa');
    const { runWriter, types, events } = scribeBench();
    await runWriter.write(runWriter.calling(call));
    await runWriter.childStarted('c1', { child, task: 'Write' });
    await runWriter.childStarted('c1', { child, task: 'Write' });
    expect(await types()).toEqual(['tool.calling', 'child.started']);
    await runWriter.write(runWriter.called('c1', done));
    expect((await events()).at(-1)?.data).toEqual({ ...call, ...done });

    const again = scribeBench({ openCalls: [{ ...call, logged: 0, child }] });
    await again.runWriter.childStarted('c1', { child, task: 'Write' });
    expect(await again.types()).toEqual([]);
  });

  test('has the usage of a turn, as far as the provider reports it', () => {
    const { runWriter } = scribeBench();
    const least = { inputTokens: 1, outputTokens: 2 };
    const of = { turn: 3, requestHash: 'a'.repeat(64), askedAt: 5, purpose: 'work' } as const;
    expect(runWriter.usage('demo', least, of)).toEqual(fact('usage', { model: 'demo', ...least, ...of }));
    const all = { ...least, cachedTokens: 3, cost: 0.5 };
    expect(runWriter.usage('demo', all, of)).toEqual(fact('usage', { model: 'demo', ...all, ...of }));
  });

  test.each([50, 0])('says a message in pieces, and completes it when it ends after %i ms', async (ms) => {
    const { runWriter, clock, events } = scribeBench();
    using speech = runWriter.speak();
    speech.say('Hel');
    speech.say('lo');
    clock.advance(ms);
    await runWriter.write(...speech.end());
    expect(await events()).toMatchObject([
      { type: 'message.delta', data: { text: 'Hel' } },
      { type: 'message.delta', data: { text: 'lo' } },
      { type: 'message.assistant', data: { text: 'Hello' } },
    ]);
  });

  test('begins a message of its own when somebody else’s fact completed the one it was saying', async () => {
    const { runWriter, writer, clock, events } = scribeBench();
    using speech = runWriter.speak();
    speech.say('one');
    await writer.write([fact('run.error', { error: 'Hm.' })]);
    speech.say('two');
    clock.advance(50);
    await runWriter.write(...speech.end());
    const reply = (await events()).flatMap((it) => (it.type === 'message.assistant' ? [it.data] : []));
    expect(reply.map(({ text }) => text)).toEqual(['one', 'two']);
    expect(reply[0]?.messageId).not.toBe(reply[1]?.messageId);
  });
});

describe('the live output of a call', () => {
  /** The part of these texts that the log has. */
  async function reported({ runWriter, events }: ReturnType<typeof scribeBench>, texts: readonly string[]) {
    const live = runWriter.listen('c1');
    for (const text of texts) live.hear(text);
    live[Symbol.dispose]();
    await quiet();
    return (await events()).map((it) => (it.type === 'tool.output' ? it.data.text : '')).join('');
  }

  test('comes in pieces of at most 50 ms, and all of it with the end of the listening', async () => {
    const { runWriter, clock, events } = scribeBench();
    runWriter.calling(call);
    const live = runWriter.listen('c1');
    live.hear('a');
    live.hear('b');
    clock.advance(50);
    live.hear('c');
    live[Symbol.dispose]();
    await quiet();
    const pieces = (await events()).map((it) => it.type === 'tool.output' && it.data);
    expect(pieces).toEqual(['a', 'b', 'c'].map((text) => ({ callId: 'c1', text })));
    expect(clock.pending()).toBe(0);
  });

  test.each([[['abc', 'def']], [['a', 'b', 'c', 'd', 'e', 'f']], [['abcdef']]])(
    'leaves out what the log had before a restart, however it is cut: %j',
    async (texts) => {
      const bench = scribeBench({ openCalls: [{ ...call, logged: 4 }] });
      expect(await reported(bench, texts)).toBe('ef');
    },
  );

  test('is 64 Ki characters of a call at most, those before a restart included', async () => {
    const bench = scribeBench({ openCalls: [{ ...call, logged: 59_000 }] });
    const texts = Array.from({ length: 100 }, () => 'x'.repeat(1_000));
    expect(await reported(bench, texts)).toHaveLength(64 * 1_024 - 59_000);
  });
});

describe('a run that ends', () => {
  test('closes what is open in the contract’s order: the message, the call, the step, the end', async () => {
    const { runWriter, events, transcript } = scribeBench();
    const calls = [{ callId: 'c1', name: 'shell_exec', args: {} }];
    transcript.add({ runId: runId(), message: { role: 'assistant', model: 'demo', text: '', calls, raw: [] } });
    await runWriter.write(runWriter.plan([running]), runWriter.calling(call));
    using live = runWriter.listen('c1');
    live.hear('so far');
    using speech = runWriter.speak();
    speech.say('I was');
    await runWriter.close([stopped()], 'cancelled');
    const all = await events();
    expect(all.slice(2)).toMatchObject([
      { type: 'tool.output' },
      { type: 'message.delta' },
      { type: 'message.assistant', data: { text: 'I was' } },
      {
        type: 'tool.called',
        data: {
          callId: 'c1',
          success: false,
          reason: 'cancelled',
          output: 'so far',
          content: { console: [{ command: 'make', output: 'so far' }] },
        },
      },
      { type: 'step', data: { id: '1', status: 'failed' } },
      { type: 'run.end' },
    ]);
    expect(transcript.openCalls(runId())).toEqual([]);
    expect(transcript.entries.slice(-2).map(({ message }) => message)).toMatchObject([
      { role: 'tool', callId: 'c1', success: false },
      // the model knows as much of the cut reply as the history shows
      { role: 'assistant', text: expect.stringMatching(/./) },
    ]);
  });

  test('closes the call that is open, with its own output, and not those before it', async () => {
    const { runWriter, events } = scribeBench();
    for (const callId of ['c1', 'c2', 'c3']) {
      await runWriter.write(runWriter.calling({ ...call, callId }));
      using live = runWriter.listen(callId);
      live.hear(`output of ${callId}`);
      if (callId !== 'c3') await runWriter.write(runWriter.called(callId, done));
    }
    await runWriter.close([stopped()], 'cancelled');
    const results = (await events()).flatMap((it) => (it.type === 'tool.called' ? [it.data] : []));
    const expected = ['c1 done', 'c2 done', 'c3 output of c3'];
    expect(results.map(({ callId, output }) => `${callId} ${output}`)).toEqual(expected);
  });

  test('F113 announces no call once the run is closed, and so owes no result for it', async () => {
    const { runWriter, types } = scribeBench();
    runWriter.shut(); // the stop comes when a call has just been approved
    expect(() => runWriter.calling(call)).toThrow('The run has ended.');
    await runWriter.close([stopped()], 'cancelled');
    expect(await types()).toEqual(['run.end']);
  });

  test('is written to no more, by whoever still has something to say', async () => {
    const { runWriter, clock, types } = scribeBench();
    await runWriter.write(runWriter.calling(call));
    const [live, speech] = [runWriter.listen('c1'), runWriter.speak()];
    await runWriter.close([stopped()], 'cancelled');
    const before = await types();
    live.hear('late');
    speech.say('late');
    clock.advance(1_000);
    await expect(runWriter.write(runWriter.title('late'))).rejects.toMatchObject({ code: 'cancelled' });
    expect(speech.end()).toEqual([]);
    live[Symbol.dispose]();
    await quiet();
    expect(await types()).toEqual(before);
  });
});
