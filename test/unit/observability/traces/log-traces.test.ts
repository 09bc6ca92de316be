import { expect, test } from 'vitest';
import { RunTraceExporter } from '../../../../src/observability/traces/log-traces.ts';
import type { SpanTree } from '../../../../src/observability/traces/span.ts';
import { createEventLog } from '../../../../src/storage/log/log.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { asks, fact, messageId, runId, sessionId } from '../../../support/machines/session-parts.ts';

/** One server after another on the same store. */
function servers() {
  const store = createInMemoryStore();
  let head = 0;
  return {
    start() {
      const log = createEventLog(store.events, { maxLag: 100, pageSize: 10 });
      const sent: SpanTree[] = [];
      const sink = { send: (tree: SpanTree) => void sent.push(tree), [Symbol.asyncDispose]: async () => {} };
      const warn = (err: unknown) => {
        throw err;
      };
      const traces = new RunTraceExporter({ log, events: store.events, sink, warn, content: false, maxChars: 10 });
      const append = async (...facts: Parameters<typeof log.append>[0]['facts']) => {
        await log.append({ sessionId, after: head, at: 1_000, facts });
        head += facts.length;
      };
      return { append, sent, over: () => traces[Symbol.asyncDispose]() };
    },
  };
}
const created = fact('session.created', { origin: 'trpc', template: 'research' }, null);
const begins = (n: number) => [
  asks('Hello', messageId(n), runId(n)),
  fact('run.started', { task: 'x', messageId: messageId(n) }, runId(n)),
];
const called = (n: number) => {
  const call = { callId: 'c1', tool: 'shell', function: 'shell_exec', args: {} } as const;
  const result = { ...call, success: true, output: '', content: null };
  return [fact('tool.calling', call, runId(n)), fact('tool.called', result, runId(n))];
};
const ends = (n: number) => fact('run.end', { status: 'completed', reason: 'completed', task: 'x' }, runId(n));
const names = (tree: SpanTree | undefined) => [tree?.top, ...(tree?.below ?? [])].map((span) => span?.name);

test('a run that a restart interrupted has one whole trace', async () => {
  const both = servers();
  const first = both.start();
  await first.append(created, ...begins(1), ...called(1));
  await first.over();
  expect(first.sent.map(({ top }) => top.name)).toEqual(['create_agent research']);
  const second = both.start();
  await second.append(...called(1).map((it) => ({ ...it, data: { ...it.data, callId: 'c2' } }) as typeof it), ends(1));
  await second.over();
  expect(second.sent).toHaveLength(1);
  const calls = ['execute_tool shell_exec', 'execute_tool shell_exec'];
  expect(names(second.sent[0])).toEqual(['invoke_agent research', ...calls]);
});

test('a run whose end and the start of the next one are written at once has only its own spans', async () => {
  const one = servers().start();
  await one.append(created, ...begins(1));
  await one.append(...called(1), ends(1), ...begins(2), ...called(2), ends(2));
  await one.over();
  const runs = one.sent.slice(1);
  expect(runs.map(({ top }) => top.attributes['corral.run.id'])).toEqual([runId(1), runId(2)]);
  for (const run of runs) expect(names(run)).toEqual(['invoke_agent research', 'execute_tool shell_exec']);
});
