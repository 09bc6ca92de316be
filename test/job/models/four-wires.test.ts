// @module-tag nightly
// The whole server with all four wire formats behind it.
import { expect, test } from 'vitest';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings, wireNames } from '../../support/agents/fake-models/settings.ts';
import type { FakeReply, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { storedEvents } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { reaches } from '../../support/servers/real-server.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const echo = (word: string) => ({ name: 'shell_exec', args: { id: word, command: `echo ${word}` } });

const passing = 'Pass it on to the next provider.';

/** One call and then no more; the last one ends the run. */
function playerOf(wire: WireName): () => FakeReply {
  let passed = 0;
  return () => {
    if (passed++ === 0) return { reasoning: 'Mine.', text: 'I do my part.', calls: [echo(wire)] };
    return wire === 'compatible' ? { text: 'All had a part.' } : { status: 401, message: 'No more.' };
  };
}

const endsOf = (log: readonly SessionEvent[]) =>
  log.flatMap((event) => (event.type === 'run.end' ? [event.data.status] : []));

test("a run goes from provider to provider by its project's fall-backs, and each takes over what the others began", async () => {
  await using stack = new AsyncDisposableStack();
  const providers = await Promise.all(wireNames.map((wire) => fakeProvider(wire, playerOf(wire))));
  for (const provider of providers) stack.use(provider);
  const all = wireNames.map((wire, n) => fakeSettings(wire, providers[n]?.url ?? ''));
  const settings = { ...Object.assign({}, ...all), CORRAL_DRIVER: 'memory', CORRAL_MODEL: 'demo' };
  await using server = await serverProcess(settings);
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
