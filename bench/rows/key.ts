import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startProgram } from '../lib/calls/child-process.ts';
import { describeMissingEngine } from '../lib/calls/engine-api.ts';
import { TextWatch } from '../lib/calls/text-watch.ts';
import { startDockerSession } from '../lib/corral/client.ts';
import { measureSamples } from '../lib/measure/generator.ts';
import { createTimedRow, type ExperimentSides } from '../lib/measure/measure.ts';

// From a key's message to its echo at the client, with `cat` in the terminal, so that the kernel echoes. The peer is
// the simplest relay: one socket, one Node process and the engine's attached stream, in the same container.

export const key = createTimedRow({
  name: 'key',
  title: 'the echo of one key in a terminal, Docker',
  missing: describeMissingEngine,
  peer: 'raw-relay',
  goals: [
    { stat: 'p50', max: 1.5 },
    { stat: 'p99', max: 1.5 },
  ],
  quickMs: 20_000,
  open: (stack, mode) => openPair(stack, mode === 'quick' ? 100 : 500),
});

async function openTerminal(url: string, session: string): Promise<WebSocket> {
  const created = await fetch(`${url}/api/sessions/${session}/shells`, { method: 'POST' });
  const { shell_id } = (await created.json()) as { shell_id: string };
  return new WebSocket(`${url.replace('http', 'ws')}/ws/shells/${shell_id}`);
}

async function openPair(stack: AsyncDisposableStack, keys: number): Promise<ExperimentSides> {
  const { url, session, container } = await startDockerSession(stack);
  const relay = stack.use(await startProgram('raw-relay', { container: container.Id }));
  const side = async (socket: WebSocket) => {
    stack.defer(() => socket.terminate());
    await once(socket, 'open');
    const echo = await echoing(socket);
    return () => measureSamples(keys, echo);
  };
  const subject = await side(await openTerminal(url, session));
  const peer = await side(new WebSocket(await relay.call<string>('listen')));
  return { subject, peer };
}

async function echoing(socket: WebSocket): Promise<() => Promise<unknown>> {
  const watch = new TextWatch();
  socket.on('message', (frame) => watch.hear(JSON.parse(String(frame)).data ?? ''));
  const press = (data: string) => socket.send(JSON.stringify({ type: 'shell_input', data }));
  const begun = watch.shows('be-gun');
  press("echo be-'gun'; exec cat > /dev/null\n");
  await begun;
  let n = 0;
  return async () => {
    const key = 'abcdefghij'[n++ % 10] as string;
    if (n % 200 === 0) press('\n'); // the kernel's line buffer holds 4,095 bytes
    const echo = watch.shows(key);
    press(key);
    return echo;
  };
}
