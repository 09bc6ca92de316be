// @module-tag all
// The whole server with all four wire formats behind it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { type FakeProvider, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings, wireNames } from '../../support/agents/fake-models/settings.ts';
import type { FakeReply, FakeRequest, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { api, storedEvents } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { reaches } from '../../support/servers/real-server.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const echo = (word: string) => ({ name: 'shell_exec', args: { id: word, command: `echo ${word}` } });

/** Each message with the replies to it, and the end of its run. */
const script: readonly (readonly [string, 'completed' | 'failed', ...FakeReply[]])[] = [
  [
    'Work with the picture.',
    'completed',
    { text: 'I look.', reasoning: 'Three at once.', calls: [echo('a'), echo('b'), echo('c')] },
    { text: 'I see the picture.', reasoning: 'A pixel.' },
  ],
  ['Do harm.', 'failed', { text: 'I will not.', stop: 'refused' }],
  ['Tell a story.', 'completed', { text: 'Once upon', stop: 'length' }, { text: ' a time.' }],
  ['Go on.', 'completed', { status: 429, message: 'Slow down.', headers: { 'retry-after': '1' } }, { text: 'Gladly.' }],
  ['And again.', 'completed', { text: 'Half', after: 'cut' }, { text: 'Whole.' }],
];

const nameless = new Set(
  'callId messageId runId id model requestHash askedAt ts at inputTokens cachedTokens cacheWrittenTokens cost url file file_id inMs'.split(
    ' ',
  ),
);
const withoutNames = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNames);
  if (typeof value === 'string') {
    return value
      .replaceAll(/(gemini|anthropic|openai|local)\/[\w.-]+/g, '<model>')
      .replace(/models[.][\w.]+[.]base-url/, '<setting>')
      .replace(/(declined to answer)( \([^)]*\))?/, '$1'); // the provider's own word for its reason
  }
  if (typeof value !== 'object' || value === null) return value;
  const named = Object.entries(value).filter(([key]) => !nameless.has(key));
  return Object.fromEntries(named.map(([key, inner]) => [key, withoutNames(inner)]));
};
/** Pieces of text follow the clock, and the sandbox its own time. */
const isTimed = ({ type }: SessionEvent) => /delta|^sandbox|^desktop|^egress|^tool.output/.test(type);
const shown = ({ type, data }: SessionEvent) => JSON.stringify({ type, data: withoutNames(data) });

const passing = 'Pass it on to the next provider.';

/** Plays the script to the session of each wire; in the session that is passed on, one call and then no more. */
function playerOf(wire: WireName): (request: FakeRequest) => FakeReply {
  const replies = script.flatMap(([, , ...given]) => given);
  let played = 0;
  let passed = 0;
  return ({ body }) => {
    if (!JSON.stringify(body).includes(passing)) return replies[played++] ?? { text: 'The script is over.' };
    if (passed++ === 0) return { reasoning: 'Mine.', text: 'I do my part.', calls: [echo(wire)] };
    return wire === 'compatible' ? { text: 'All had a part.' } : { status: 401, message: 'No more.' };
  };
}

let stack: AsyncDisposableStack;
let providers: readonly FakeProvider[];
let server: ServerProcess;
beforeAll(async () => {
  stack = new AsyncDisposableStack();
  providers = await Promise.all(wireNames.map((wire) => fakeProvider(wire, playerOf(wire))));
  for (const provider of providers) stack.use(provider);
  const all = wireNames.map((wire, n) => fakeSettings(wire, providers[n]?.url ?? ''));
  server = stack.use(
    await serverProcess({
      ...Object.assign({}, ...all),
      CORRAL_DRIVER: 'memory',
      CORRAL_RATE_LIMIT_PER_MINUTE: '0',
      CORRAL_MODEL: 'demo',
      CORRAL_MODELS_CATALOG: JSON.stringify({ [fakeRefs.compatible]: { images: true } }),
    }),
  );
});
afterAll(() => stack.disposeAsync());

async function uploadedPicture(): Promise<string> {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(Buffer.from(png, 'base64'))]), 'dot.png');
  const answer = await (await fetch(`${server.url}/api/v1/files`, { method: 'POST', body: form })).json();
  return (answer as { data: { file_id: string } }).data.file_id;
}
const endsOf = (log: readonly SessionEvent[]) =>
  log.flatMap((event) => (event.type === 'run.end' ? [event.data.status] : []));

test('one conversation gives the same log in all four wire formats, but for ids and names', async () => {
  const { send } = api(server.url);
  using client = openClient(server.url, 'ws');
  const { id: projectId } = await client.projects.create.mutate({ name: 'Four' });
  const picture = await uploadedPicture();
  const logs = await Promise.all(
    wireNames.map(async (wire) => {
      const { id } = await client.sessions.create.mutate({ projectId, model: fakeRefs[wire] });
      const log = () => storedEvents(server.data, id);
      for (const [n, [message]] of script.entries()) {
        await send(id, message, 'queue', n === 0 ? [picture] : []);
        await reaches(() => endsOf(log()).length > n);
      }
      expect(endsOf(log()), wire).toEqual(script.map(([, end]) => end));
      return log().filter((event) => !isTimed(event));
    }),
  );

  expect(providers.map(({ refusals }) => refusals)).toEqual([[], [], [], []]);
  for (const { requests } of providers) expect(JSON.stringify(requests[0]?.body)).toContain(png);
  const isCall = ({ type }: SessionEvent) => type.startsWith('tool.');
  const parts = logs.map((log) => ({
    // Calls that run at once end in any order.
    calls: log.filter(isCall).map(shown).sort(),
    rest: log.filter((event) => !isCall(event)).map(shown),
  }));
  for (const [n, part] of parts.entries()) expect(part, wireNames[n]).toEqual(parts[0]);
  expect(parts[0]?.calls.filter((it) => it.includes('"tool.called"'))).toHaveLength(3);
  const said = logs[0]?.flatMap((event) => (event.type === 'message.assistant' ? [event.data.text] : []));
  expect(said).toEqual(expect.arrayContaining(['Once upon a time.', 'Gladly.', 'HalfWhole.']));
});

test("a run goes from provider to provider by its project's fall-backs, and each takes over what the others began", async () => {
  using client = openClient(server.url, 'ws');
  const { id: projectId } = await client.projects.create.mutate({ name: 'Relay' });
  const [model, ...fallbacks] = wireNames.map((wire) => fakeRefs[wire]);
  await client.projects.updateAgent.mutate({ id: projectId, model, fallbacks });
  const { id } = await client.sessions.create.mutate({ projectId, task: passing });
  const log = () => storedEvents(server.data, id);
  await reaches(() => endsOf(log()).length > 0);
  expect(endsOf(log())).toEqual(['completed']);
  const called = log().flatMap((event) => (event.type === 'tool.called' ? [event.data.output] : []));
  expect(called).toEqual(wireNames.map((wire) => `${wire}\n`));
  const answered = log().flatMap((event) => (event.type === 'usage' ? [event.data.model] : []));
  expect([...new Set(answered)]).toEqual([model, ...fallbacks]);
  expect(providers.map(({ refusals }) => refusals)).toEqual([[], [], [], []]);
});
