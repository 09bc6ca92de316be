// Runs one side of a measurement in its own process: `child.ts <program> <JSON argument>`. The parent sends requests
// over the IPC channel. The process ends with its parent, even when the parent crashes.
import type { BenchProgram } from './lib/calls/child-process.ts';

const programs: Record<string, () => Promise<{ open: BenchProgram }>> = {
  'corral-claims': () => import('./lib/corral/corral-claims.ts'),
  'corral-parts': () => import('./lib/corral/corral-parts.ts'),
  'corral-store': () => import('./lib/corral/corral-store.ts'),
  'busy-sessions': () => import('./lib/corral/busy-sessions.ts'),
  'control-calls': () => import('./lib/calls/control-calls.ts'),
  'egress-origin': () => import('./lib/calls/egress-origin.ts'),
  'egress-proxy': () => import('./lib/calls/egress-proxy.ts'),
  'raw-sse': () => import('./peers/raw-sse.ts'),
  'raw-relay': () => import('./peers/raw-relay.ts'),
  'raw-ws': () => import('./peers/raw-ws.ts'),
};

const [name = '', argument = 'null'] = process.argv.slice(2);
const load = programs[name];
if (!load) throw new Error(`there is no program ${name}`);
process.on('SIGINT', () => {}); // ctrl-c reaches this process too; the parent decides when it ends
const stack = new AsyncDisposableStack();
const methods = await (await load()).open(JSON.parse(argument) as never, stack);
const end = async () => {
  await stack.disposeAsync();
  process.exit();
};

process.on('message', async ({ id, method, input }: { id: number; method: string; input: unknown }) => {
  try {
    process.send?.({ id, value: await methods[method]?.(input as never) });
  } catch (thrown) {
    process.send?.({ id, error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
  }
});
process.on('SIGTERM', end).on('disconnect', end);
process.send?.({ id: 0, value: 'ready' });
