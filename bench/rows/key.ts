import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startChild } from '../lib/calls/child-process.ts';
import { missingEngine } from '../lib/calls/engine-api.ts';
import { type DockerSession, dockerSession } from '../lib/corral/docker-session.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { type Pair, timedRow } from '../lib/measure/measure.ts';

// One key in a terminal: from the key's message to its echo at the client, with `cat` in the terminal, so that the kernel
// echoes. The peer is the simplest relay: one socket, one Node process and the engine's attached stream, in the same
// container.

export const key = timedRow({
  name: 'key',
  title: 'the echo of one key in a terminal, Docker',
  missing: missingEngine,
  peer: 'raw-relay',
  goals: [
    { stat: 'p50', max: 1.5 },
    { stat: 'p99', max: 1.5 },
  ],
  quickMs: 20_000,
  open: (stack, mode) => openPair(stack, mode === 'quick' ? 100 : 500),
});

async function corralTerminal({ url, session }: DockerSession): Promise<WebSocket> {
  const made = await fetch(`${url}/api/sessions/${session}/shells`, { method: 'POST' });
  const { shell_id } = (await made.json()) as { shell_id: string };
  return new WebSocket(`${url.replace('http', 'ws')}/ws/shells/${shell_id}`);
}

/** A terminal whose bytes go both ways. */
interface Keys {
  press(key: string): void;
  hear(heard: (text: string) => void): void;
}

async function openPair(stack: AsyncDisposableStack, keys: number): Promise<Pair> {
  const session = stack.use(await dockerSession());
  const relay = stack.use(await startChild('raw-relay', { container: session.container.Id }));
  const side = async (socket: WebSocket) => {
    stack.defer(() => socket.terminate());
    await once(socket, 'open');
    return await echoing({
      press: (data) => socket.send(JSON.stringify({ type: 'shell_input', data })),
      hear: (heard) => socket.on('message', (frame) => heard(JSON.parse(String(frame)).data ?? '')),
    });
  };
  const subject = await side(await corralTerminal(session));
  const peer = await side(new WebSocket(await relay.call<string>('listen')));
  const round = async (echo: () => Promise<number>) => {
    const samples: number[] = [];
    for (let n = 0; n < keys; n++) samples.push(await echo());
    return { samples };
  };
  return {
    subject: () => round(subject),
    peer: () => round(peer),
  };
}

const patienceMs = 10_000;

/** Starts `cat` in the terminal. Each call of the result presses a key and resolves with the time until its echo, in ms. */
async function echoing({ press, hear }: Keys): Promise<() => Promise<number>> {
  let [wanted, heardAt] = ['', (_at: number) => {}];
  let recent = '';
  hear((text) => {
    recent = (recent + text).slice(-1_000);
    if (wanted !== '' && recent.includes(wanted)) heardAt(monotonicMs());
  });
  const until = (text: string): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const late = setTimeout(() => reject(new Error(`the terminal did not show ${text}: ${recent}`)), patienceMs);
    recent = '';
    wanted = text;
    heardAt = (at) => {
      clearTimeout(late);
      wanted = '';
      resolve(at);
    };
    return promise;
  };
  const begun = until('be-gun');
  press("echo be-'gun'; exec cat > /dev/null\n");
  await begun;
  let n = 0;
  return async () => {
    const key = 'abcdefghij'[n++ % 10] as string;
    if (n % 200 === 0) press('\n'); // the kernel's line has room for 4,095 bytes
    const echo = until(key);
    const from = monotonicMs();
    press(key);
    return (await echo) - from;
  };
}
