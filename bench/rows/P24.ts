import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freshFolder } from '../lib/folder.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Goal, Mode, Pair, Row } from '../lib/measure.ts';
import { CountingViewer } from '../lib/rfb.ts';
import { startServer } from '../lib/server.ts';

// The screen of a sandbox through the whole of Corral (server, daemon, Xvnc in bubblewrap), beside Debian's websockify in
// front of an Xvnc of the same kind with nothing around it. Raw pixels: what is measured is the way, not the encoder.

const [width, height] = [1280, 800];
const programs = ['Xvnc', 'websockify', 'bwrap'];
const measures = {
  'first frame': { unit: 'ms', better: 'lower', goals: [{ stat: 'p50', max: 1.1, level: 'anchor' }] },
  throughput: { unit: 'MB/s', better: 'higher', goals: [{ stat: 'p50', min: 1, level: 'anchor' }] },
  'ask to pixel': { unit: 'ms', better: 'lower', goals: [{ stat: 'p50', max: 1.1, level: 'anchor' }] },
} satisfies Record<string, { unit: string; better: 'lower' | 'higher'; goals: Goal[] }>;
type Measure = keyof typeof measures;

export const P24: Row = {
  id: 'P24',
  title: 'the screen of a sandbox: first frame, MB/s, ask to pixel',
  async missing() {
    const absent = programs.filter((name) => !existsSync(`/usr/bin/${name}`));
    return absent.length > 0 ? `needs ${absent.join(', ')}` : undefined;
  },
  experiments: (mode) => (Object.keys(measures) as Measure[]).map((measure) => experiment(measure, mode)),
};

function experiment(measure: Measure, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P24', variant: { measure }, ...measures[measure], feels: 'noise' },
    ...{ subject: 'corral', peer: 'websockify' },
    rounds: { warmUp: 2, min: 6, max: quick ? 10 : 40, capMs: quick ? 12_000 : 90_000 },
    open: () => openPair(measure),
  };
}

async function openPair(measure: Measure): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await freshFolder());
  const server = stack.use(await startServer({ CORRAL_DRIVER: 'process', CORRAL_SANDBOX_DESKTOP: 'true' }));
  const created = await fetch(`${server.url}/api/v1/sessions`, { method: 'PUT' });
  if (!created.ok) throw new Error(`no session: ${await created.text()}`);
  const id = ((await created.json()) as { data: { session_id: string } }).data.session_id;
  stack.defer(async () => void (await fetch(`${server.url}/api/v1/sessions/${id}`, { method: 'DELETE' })));
  const started = await fetch(`${server.url}/api/v1/sessions/${id}/desktop/start`, { method: 'POST' });
  if (!started.ok) throw new Error(`the desktop did not start: ${await started.text()}`);
  const subject = `${server.url.replace('http', 'ws')}/api/v1/sessions/${id}/vnc?view_only=1`;
  const peer = await bare(stack, folder.path);
  const side = (url: string) => async () => ({ samples: await rounds[measure](url) });
  const held = stack.move();
  return { subject: side(subject), peer: side(peer), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function bare(stack: AsyncDisposableStack, folder: string): Promise<string> {
  const socket = join(folder, 'rfb');
  const run = (program: string, ...args: string[]) =>
    stack.adopt(spawn(program, args, { stdio: 'ignore' }), (child) => void child.kill());
  const size = ['-geometry', `${width}x${height}`, '-depth', '24'];
  run('Xvnc', ':87', ...size, '-rfbunixpath', socket, '-rfbport', '-1', '-SecurityTypes', 'None', '-UseBlacklist=0');
  const port = await freePort();
  run('websockify', `127.0.0.1:${port}`, `--unix-target=${socket}`);
  const url = `ws://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    await pause(100);
    const viewer = existsSync(socket) ? await CountingViewer.open(url).catch(() => undefined) : undefined;
    viewer?.[Symbol.dispose]();
    if (viewer) return url;
    if (tries > 100) throw new Error('websockify did not start');
  }
}

const rounds: Record<Measure, (url: string) => Promise<number[]>> = {
  async 'first frame'(url) {
    const samples: number[] = [];
    for (let n = 0; n < 10; n++) {
      const from = monotonicMs();
      using viewer = await CountingViewer.open(url);
      await viewer.frame(width, height);
      samples.push(monotonicMs() - from);
    }
    return samples;
  },
  async throughput(url) {
    using viewer = await CountingViewer.open(url);
    await viewer.frame(width, height);
    const [from, before] = [monotonicMs(), viewer.bytes];
    for (let n = 0; n < 15; n++) await viewer.frame(width, height);
    return [(viewer.bytes - before) / 1_000 / (monotonicMs() - from)];
  },
  async 'ask to pixel'(url) {
    using viewer = await CountingViewer.open(url);
    const samples: number[] = [];
    for (let n = 0; n < 60; n++) {
      const from = monotonicMs();
      await viewer.frame(1, 1);
      samples.push(monotonicMs() - from);
    }
    return samples;
  },
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
