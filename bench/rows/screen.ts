import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../test/support/servers/free-port.ts';
import { CountingViewer } from '../lib/calls/rfb.ts';
import { waitUntil } from '../lib/calls/until.ts';
import { startServerWithClient } from '../lib/corral/client.ts';
import { measureSamples, monotonicMs } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  createRateDefaults,
  type Experiment,
  timeDefaults,
} from '../lib/measure/measure.ts';

// The screen of a sandbox through all of Corral (server, daemon, Xvnc in bubblewrap). The peer is Debian's websockify
// in front of the same Xvnc, reached through /proc/<pid>/root, so only the path differs. The pixels are raw: the row
// measures the path, not the encoder.

const [width, height] = [1280, 800];
const programs = ['Xvnc', 'websockify', 'bwrap'];
const settleMs = 100;
const measures = {
  'first frame': { ...timeDefaults, goals: [{ stat: 'p50', max: 1.1 }] },
  throughput: { ...createRateDefaults('MB/s'), goals: [{ stat: 'p50', min: 1 }] },
  'hand to pixel': { ...timeDefaults, goals: [{ stat: 'p50', max: 1.1 }] },
} satisfies Record<string, Partial<Experiment>>;
type Measure = keyof typeof measures;

export const screen: BenchRow = {
  name: 'screen',
  title: 'the screen of a sandbox: its first frame, MB/s, and from the hand to a pixel',
  async missing() {
    const absent = programs.filter((name) => !existsSync(`/usr/bin/${name}`));
    if (process.getuid?.() !== 0) return 'needs root, to reach the Xvnc of a sandbox from outside';
    return absent.length > 0 ? `needs ${absent.join(', ')}` : undefined;
  },
  experiments: (mode) => (Object.keys(measures) as Measure[]).map((measure) => experiment(measure, mode)),
};

const experiment = (measure: Measure, mode: BenchMode): Experiment => ({
  variant: { measure },
  ...measures[measure],
  peer: 'websockify',
  rounds: { ...computeRoundLimits(mode, 12_000), warmUp: 2 },
  open: async (stack) => {
    const { url, pid } = await desktop(stack);
    const peer = await websockify(stack, pid);
    const side = (at: string) => () => rounds[measure](at);
    return { subject: side(url), peer: side(peer) };
  },
});

async function desktop(stack: AsyncDisposableStack): Promise<{ url: string; pid: number }> {
  const client = await startServerWithClient(stack, { CORRAL_DRIVER: 'process', CORRAL_SANDBOX_DESKTOP: 'true' });
  const id = await client.started();
  await client.calls.ask(`/api/v1/sessions/${id}/desktop/start`, {});
  return { url: `${client.urlOf(id).replace('http', 'ws')}/vnc`, pid: client.pid };
}

async function websockify(stack: AsyncDisposableStack, server: number): Promise<string> {
  const port = await freePort();
  const args = [`127.0.0.1:${port}`, `--unix-target=${displayOf(server)}`];
  stack.adopt(spawn('websockify', args, { stdio: 'ignore' }), (child) => void child.kill());
  const url = `ws://127.0.0.1:${port}`;
  const answers = async () => {
    using viewer = await CountingViewer.open(url).catch(() => undefined);
    return viewer !== undefined;
  };
  await waitUntil(answers, 'websockify answered');
  return url;
}

/** Finds the socket of this server's Xvnc, as a path that the whole machine can open. */
function displayOf(server: number): string {
  const parentOf = (pid: number) => Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? 0);
  const isOurs = (pid: number): boolean => pid === server || (pid > 1 && isOurs(parentOf(pid)));
  for (const name of readdirSync('/proc').filter((it) => /^\d+$/.test(it))) {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0');
      const path = command[command.indexOf('-rfbunixpath') + 1];
      if (command[0]?.endsWith('Xvnc') && path?.startsWith('/') && isOurs(Number(name)))
        return `/proc/${name}/root${path}`;
    } catch {} // the process has ended
  }
  throw new Error('no Xvnc was found');
}

const rounds: Record<Measure, (url: string) => Promise<number[]>> = {
  'first frame': (url) =>
    measureSamples(10, async () => {
      using viewer = await CountingViewer.open(url);
      await viewer.frame(width, height);
    }),
  async throughput(url) {
    using viewer = await CountingViewer.open(url);
    await viewer.frame(width, height);
    const [from, before] = [monotonicMs(), viewer.bytes];
    for (let n = 0; n < 15; n++) await viewer.frame(width, height);
    return [(viewer.bytes - before) / 1_000 / (monotonicMs() - from)];
  },
  /** This viewer does not draw the pointer, so the display does, and a movement changes pixels. */
  async 'hand to pixel'(url) {
    using viewer = await CountingViewer.open(url);
    await viewer.frame(width, height);
    viewer.point(600, 400, 1); // a click gives this viewer control of the mouse
    viewer.point(600, 400, 0);
    await pause(settleMs);
    let n = 0;
    return await measureSamples(30, async () => {
      const seen = viewer.change(width / 4, height / 2, width / 2, height / 4);
      viewer.point(500 + 10 * (n % 20), 450 + n++, 0);
      await seen;
    });
  },
};
