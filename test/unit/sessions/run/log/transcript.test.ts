import { describe, expect, test } from 'vitest';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import type { ConversationEntry } from '../../../../../src/sessions/run/log/conversation.ts';
import { Transcript } from '../../../../../src/sessions/run/log/transcript.ts';
import { createInMemoryStore } from '../../../../../src/storage/memory/store.ts';
import { messageId, runId, sessionId } from '../../../../support/machines/session-parts.ts';

const requested = (text: string, of = runId()): ConversationEntry => ({
  runId: of,
  messageId: messageId(),
  message: { role: 'user', text },
});
const replied = (callIds: readonly string[], of = runId()): ConversationEntry => {
  const calls = callIds.map((callId) => ({ callId, name: 'shell_exec', args: { n: 1 } }));
  const raw = [{ thoughtSignature: 'x==' }];
  return { runId: of, message: { role: 'assistant', model: 'demo', text: '', calls, raw } };
};
const result = (callId: string): ConversationEntry => ({
  runId: runId(),
  message: { role: 'tool', callId, name: 'shell_exec', output: 'out', success: true },
});

const notesIn = ({ earlier, note }: Pick<ReturnType<Transcript['view']>, 'earlier' | 'note'>) => [
  ...earlier,
  ...(note ? [note] : []),
];

function bench() {
  const store = createInMemoryStore();
  const open = () => new Transcript(sessionId, store.records);
  const loaded = async () => {
    const transcript = open();
    await transcript.load();
    return transcript;
  };
  const keep = async (transcript: Transcript) => {
    for (const put of transcript.takeUnstored()) await store.records.put(put);
  };
  return { store, open, loaded, keep };
}

describe('the notes of the loop', () => {
  const asked = () => {
    const transcript = bench().open();
    transcript.add(requested('Do it'));
    return transcript;
  };

  test('keep their places: before the calls of a step, or at the end for a step that begins between calls', () => {
    const transcript = asked();
    transcript.placeNote('Step 1', 1_000);
    transcript.add(replied(['a']), result('a'));
    transcript.placeNote('Step 1', 1_000);
    expect(notesIn(transcript.view(runId()))).toEqual([{ before: 1, text: 'Step 1' }]);
    transcript.placeNote('Step 2', 1_000);
    transcript.add(replied(['b']), result('b'));
    expect(notesIn(transcript.view(runId()))).toEqual([
      { before: 1, text: 'Step 1' },
      { before: 3, text: 'Step 2' },
    ]);
  });

  test('are forgotten when they are too long, but for the newest', () => {
    const transcript = asked();
    transcript.placeNote('Step 1', 5);
    transcript.add(replied(['a']), result('a'));
    transcript.placeNote('Step 2', 5);
    expect(notesIn(transcript.view(runId()))).toEqual([{ before: 1, text: 'Step 2' }]);
  });

  test('that a summary hides are gone, and the newest stands behind it', () => {
    const transcript = asked();
    transcript.placeNote('Step 1', 1_000);
    transcript.add(replied(['a']), result('a'));
    transcript.placeNote('Step 2', 1_000);
    transcript.add(replied(['b']), result('b'), replied(['c']), result('c'));
    const summary = { kind: 'summary', upto: 5, until: 7, summary: 'Much.', userChars: 1_000 } as const;
    transcript.compact(runId(), { ...summary, before: 10, after: 5 });
    const { messages, ...view } = transcript.view(runId());
    expect(messages.map(({ role }) => role)).toEqual(['user', 'user', 'assistant', 'tool']);
    expect(notesIn(view)).toEqual([{ before: 2, text: 'Step 2' }]);
  });
});

describe('the transcript', () => {
  test('comes back as it was, provider’s raw parts included, in its order', async () => {
    const { loaded, keep } = bench();
    const transcript = await loaded();
    const entries = Array.from({ length: 12 }, (_, n) => requested(`${n}`));
    transcript.add(...entries, replied(['c1']), result('c1'));
    await keep(transcript);
    const again = await loaded();
    expect(again.entries).toEqual([...entries, replied(['c1']), result('c1')]);
  });

  test('hands out only what is new, and continues counting where the stored one ends', async () => {
    const { loaded, keep, store } = bench();
    const first = await loaded();
    first.add(requested('one'));
    await keep(first);
    expect(first.takeUnstored()).toEqual([]);
    const second = await loaded();
    second.add(requested('two'));
    expect(second.takeUnstored()).toMatchObject([{ id: `${sessionId}:00000001`, sort: 1 }]);
    expect(await store.records.list('transcript')).toHaveLength(1);
  });

  test('is read once, however often it is requested', async () => {
    const { loaded } = bench();
    const transcript = await loaded();
    transcript.add(requested('one'));
    await transcript.load();
    expect(transcript.entries).toHaveLength(1);
  });

  test('says where the messages of a run begin, or its own end for a run without messages', () => {
    const transcript = bench().open();
    transcript.add(requested('one'), requested('two', runId(2)));
    expect([transcript.view(runId(2)).runFrom, transcript.view(runId(3)).runFrom]).toEqual([1, 2]);
    expect(transcript.view(runId()).messages.map((it) => it.role === 'user' && it.text)).toEqual(['one', 'two']);
  });

  test('knows the calls of a run’s last reply that have no result', () => {
    const transcript = bench().open();
    transcript.add(replied(['old']), replied(['c1', 'c2', 'c3']), result('c2'));
    expect(transcript.openCalls(runId())).toEqual([
      { callId: 'c1', name: 'shell_exec', args: { n: 1 } },
      { callId: 'c3', name: 'shell_exec', args: { n: 1 } },
    ]);
    expect(transcript.openCalls(runId(2))).toEqual([]);
    transcript.add(replied([]));
    expect(transcript.openCalls(runId())).toEqual([]);
  });

  test('a call that the provider wants permitted is still such a call after a restart', async () => {
    const { open, loaded, keep } = bench();
    const before = open();
    const call = { callId: 'c1', name: 'shell_exec', args: {}, confirm: 'It deletes a file.' };
    before.add({ runId: runId(), message: { role: 'assistant', model: 'm', text: '', calls: [call], raw: [] } });
    await keep(before);
    const after = await loaded();
    expect(after.openCalls(runId())).toEqual([call]);
  });

  test('what the model sees is made once, and made again when it changes', () => {
    const transcript = bench().open();
    transcript.add(requested('one'));
    const first = transcript.view(runId());
    expect(transcript.view(runId())).toBe(first);
    transcript.add(requested('two'));
    expect(transcript.view(runId()).messages).toHaveLength(2);
    transcript.placeNote('Do step 1.', 1_000);
    expect(notesIn(transcript.view(runId()))).toHaveLength(1);
    const sizes = { before: 2, after: 1 };
    transcript.compact(runId(), { kind: 'cut', upto: 1, until: 2, summary: 'It went on.', userChars: 0, ...sizes });
    expect(JSON.stringify(transcript.view(runId()).messages)).toContain('It went on.');
    expect(transcript.view(runId(2)).runFrom).toBe(transcript.view(runId()).messages.length);
  });

  test('knows every call that was ever made, and which messages the model has seen', () => {
    const transcript = bench().open();
    transcript.add(requested('one'), replied(['c1']), replied(['c2'], runId(2)));
    expect(['c1', 'c2', 'c3'].map((id) => transcript.callIds().has(id))).toEqual([true, true, false]);
    expect([transcript.hasMessage(messageId()), transcript.hasMessage(messageId(2))]).toEqual([true, false]);
  });

  test('of one session has no message of another', async () => {
    const { loaded, keep, store } = bench();
    const mine = await loaded();
    mine.add(requested('mine'));
    await keep(mine);
    await store.records.put({ kind: 'transcript', id: '00000000000000ab:00000000', doc: requested('theirs'), sort: 0 });
    const again = await loaded();
    expect(again.entries).toEqual([requested('mine')]);
  });

  test('is read again where the store was away for a moment', async () => {
    const { store, loaded, keep } = bench();
    const before = await loaded();
    before.add(requested('hello'));
    await keep(before);
    let isAway = true;
    const list: typeof store.records.list = async (...of) => {
      if (isAway) throw new AppError('store_unavailable', 'The store does not respond.');
      return await store.records.list(...of);
    };
    const transcript = new Transcript(sessionId, { ...store.records, list });
    await expect(transcript.load()).rejects.toMatchObject({ code: 'store_unavailable' });
    isAway = false;
    await transcript.load();
    expect(transcript.entries).toEqual([requested('hello')]);
  });
});
