import { expect, test } from 'vitest';
import { TurnBudget } from '../../../src/sessions/run/turn-budget.ts';
import { runTurn } from '../../../src/sessions/run/turns/turn.ts';
import { compatibleModel } from '../../support/agents/models.ts';
import { type ManualClock, manualClock } from '../../support/machines/manual-clock.ts';
import { asks, exampleTurn, fact, messageId, runId, scribeBench } from '../../support/machines/session-parts.ts';

// Replies from a compatible server that break off after people have read their beginning.

const chunk = (content: string) =>
  `data: ${JSON.stringify({ id: 'r', choices: [{ index: 0, delta: { content } }] })}\n\n`;
const done = 'data: {"id":"r","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
type Break = 'drop' | 'end' | 'silence' | '5xx' | 'whole';
type Reply = readonly [text: string, breaks: Break];

function answer([text, breaks]: Reply, { clock, signal }: { clock: ManualClock; signal: AbortSignal }): Response {
  const body = new ReadableStream<Uint8Array>({
    async start(stream) {
      for (const piece of text.match(/.{1,5}/gs) ?? []) stream.enqueue(Buffer.from(chunk(piece)));
      if (breaks === '5xx') stream.enqueue(Buffer.from('data: {"error":{"message":"upstream died","code":502}}\n\n'));
      if (breaks === 'whole') stream.enqueue(Buffer.from(done));
      signal.addEventListener('abort', () => stream.error(new Error('aborted')));
      if (breaks !== 'silence') await new Promise(setImmediate); // the text arrives first
      if (breaks === 'drop') stream.error(new TypeError('terminated'));
      else if (breaks !== 'silence') stream.close();
    },
  });
  if (breaks === 'silence') void clock.until(() => signal.aborted, 300_000);
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

async function compatible(replies: readonly Reply[]) {
  const clock = manualClock(1_000);
  const left = [...replies];
  const requests: { messages: { role: string; content: string }[] }[] = [];
  const model = await compatibleModel(async (_url, init) => {
    requests.push(JSON.parse(String(init?.body)));
    return answer(left.shift() as Reply, { clock, signal: init?.signal as AbortSignal });
  }, clock);
  return { model, requests };
}

const whole = 'The capital of France is Paris, on the Seine.';
const half = whole.slice(0, 30);
const rest = whole.slice(30);

const { signal } = new AbortController();
/** A run with one message, the turns of its model, and what is kept of them. */
async function begun(replies: readonly Reply[]) {
  const { model, requests } = await compatible(replies);
  const { runWriter, transcript, events } = scribeBench();
  runWriter.add({ runId: runId(), message: { role: 'user', text: 'Go' } });
  const turn = () => runTurn({ model, runWriter, budget: new TurnBudget() }, exampleTurn, signal);
  const replied = async () => (await events()).flatMap((it) => (it.type === 'message.assistant' ? [it.data.text] : []));
  return { turn, runWriter, transcript, events, replied, requests };
}

/** Broken replies in the order of `breaks`, and then a whole one. */
const row = (name: string, texts: readonly string[], breaks: readonly Break[] = ['drop'], text = whole) =>
  [name, texts.map((reply, n): Reply => [reply, breaks[n] ?? 'whole']), text] as const;
const chance = 'One is the number, ttwo is the number after.';
const capital = ['The capital ', '', 'of France is ', 'Paris, ', 'on the Seine.'];

test.each([
  row('a dropped connection', [half, rest]),
  row('a stream that just ends', [half, rest], ['end']),
  row('silence', [half, rest], ['silence']),
  row('an error in the stream', [half, rest], ['5xx']),
  row('four breaks, one of them before any text', capital, ['drop', 'drop', '5xx', 'end']),
  row('a model that begins again', [half, whole]),
  row('a model that begins again, and breaks earlier', [half, whole.slice(0, 20), whole], ['drop', 'drop']),
  row('a model that repeats its last words', [half, whole.slice(10)]),
  row('a model that says only what is there', [whole, whole]),
  row('a model that has nothing to add', [whole, '']),
  row('words that are the same by chance', ['One is the number, t', 'two is the number after.'], ['drop'], chance),
  row('a first word that is the first word of the text', ['He wrote: ', 'Hello.'], ['drop'], 'He wrote: Hello.'),
  row('a short continuation that the text has already', ['no, no, no, ', 'no'], ['drop'], 'no, no, no, no'),
])('%s leaves one message, without a part twice', async (_, replies, text) => {
  const { turn, runWriter, transcript, events, replied, requests } = await begun(replies);
  for (const [n] of replies.entries()) {
    const taken = await turn();
    expect(taken.ok).toBe(n === replies.length - 1);
    if (taken.ok) await runWriter.write(...taken.facts);
    else await runWriter.write(fact('run.notice', { kind: 'waiting_provider', detail: `${n}` }));
  }
  expect(await replied()).toEqual([text]);
  const deltas = (await events()).flatMap((it) => (it.type === 'message.delta' ? [it.data.text] : []));
  expect(deltas.join('')).toBe(text);
  expect(transcript.messages.map((it) => it.role === 'assistant' && it.text)).toEqual([false, text]);
  expect(requests.at(-1)?.messages.at(-2)).toMatchObject({ role: 'assistant' });
  expect(requests.at(-1)?.messages.at(-1)?.content).toMatch(/Go on exactly where it stopped/);
});

test('a message of the person ends the broken reply, which the model sees before it', async () => {
  const replies = [[half, 'drop'] as const, ['Berlin.', 'whole'] as const];
  const { turn, runWriter, transcript, replied, requests } = await begun(replies);
  expect(await turn()).toMatchObject({ ok: false });
  await runWriter.write(asks('And of Germany?', messageId(2)));
  runWriter.hear({ messageId: messageId(2), text: 'And of Germany?' });
  const second = await turn();
  await runWriter.write(...(second.ok ? second.facts : []));
  expect(requests[1]?.messages.slice(-3).map(({ content }) => content)).toEqual(['Go', half, 'And of Germany?']);
  expect(transcript.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
  expect(await replied()).toEqual([half, 'Berlin.']);
});

test('a reply that is not tried again stays in the history of people and of the model', async () => {
  const { turn, runWriter, transcript, replied } = await begun([[half, 'drop']]);
  await turn();
  await runWriter.close([], 'interrupted');
  expect(await replied()).toEqual([half]);
  expect(transcript.messages.at(-1)).toMatchObject({ role: 'assistant', text: half });
});
