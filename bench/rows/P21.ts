import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startChild } from '../lib/child-process.ts';
import { type DockerSession, dockerSession } from '../lib/docker-session.ts';
import { missingEngine } from '../lib/engine-api.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { rawTerminal } from '../peers/raw-stream.ts';

// One key in a terminal: from the key's message to its echo at the client, with `cat` in the terminal, so that the kernel
// echoes. The peer is `docker exec -it` on an attached stream, in the same container. The second experiment only states what
// the simplest server between the two would cost.

export const P21: Row = {
  id: 'P21',
  title: 'echo of one key in a terminal, Docker',
  missing: missingEngine,
  experiments: (mode) => [
    {
      ...experiment(mode, corralTerminal),
      ...{ variant: { over: 'websocket' }, subject: 'corral' },
      goals: [{ stat: 'p99', max: 1.2, level: 'anchor' }],
    },
    {
      ...experiment(mode, relayedTerminal),
      ...{ variant: { over: 'simplest relay' }, subject: 'raw-relay' },
      goals: [{ stat: 'p99', level: 'anchor' }],
    },
  ],
};

type Terminal = (session: DockerSession, stack: AsyncDisposableStack) => Promise<WebSocket>;

function experiment(mode: Mode, terminal: Terminal): Omit<Experiment, 'variant' | 'subject' | 'goals'> {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P21', unit: 'ms', better: 'lower', feels: 'noise', peer: 'engine-api-attach' },
    rounds: { warmUp: 2, min: 6, max: quick ? 12 : 60, capMs: quick ? 20_000 : 120_000 },
    open: () => openPair(quick ? 100 : 500, terminal),
  };
}

async function corralTerminal({ url, session }: DockerSession): Promise<WebSocket> {
  const made = await fetch(`${url}/api/sessions/${session}/shells`, { method: 'POST' });
  const { shell_id } = (await made.json()) as { shell_id: string };
  return new WebSocket(`${url.replace('http', 'ws')}/ws/shells/${shell_id}`);
}

async function relayedTerminal({ container }: DockerSession, stack: AsyncDisposableStack): Promise<WebSocket> {
  const relay = stack.use(await startChild('raw-relay', { container: container.Id }));
  return new WebSocket(await relay.call<string>('listen'));
}

/** A terminal whose bytes go both ways. */
interface Keys {
  press(key: string): void;
  hear(heard: (text: string) => void): void;
}

async function openPair(keys: number, terminal: Terminal): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await dockerSession());
  const { container } = session;
  const socket = stack.adopt(await terminal(session, stack), (it) => it.terminate());
  await once(socket, 'open');
  const subject = await echoing({
    press: (data) => socket.send(JSON.stringify({ type: 'shell_input', data })),
    hear: (heard) => socket.on('message', (frame) => heard(JSON.parse(String(frame)).data ?? '')),
  });
  const raw = stack.adopt(await rawTerminal(container.Id, 'bash -i'), (it) => void it.destroy());
  const peer = await echoing({
    press: (key) => raw.write(key),
    hear: (heard) => raw.on('data', (bytes) => heard(bytes.toString())),
  });
  const held = stack.move();
  const round = async (echo: () => Promise<number>) => {
    const samples: number[] = [];
    for (let n = 0; n < keys; n++) samples.push(await echo());
    return { samples };
  };
  return {
    subject: () => round(subject),
    peer: () => round(peer),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
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
