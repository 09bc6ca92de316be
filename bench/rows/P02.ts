import { setTimeout as pause } from 'node:timers/promises';
import { sessionClient } from '../lib/client.ts';
import { ask, containerOf, likenessOf, missingEngine, tell } from '../lib/engine-api.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { CountingViewer } from '../lib/rfb.ts';
import { startServer } from '../lib/server.ts';
import { bareDesktop } from '../peers/bare-desktop.ts';
import { startRaw } from '../peers/raw-container.ts';
import { rawDesktop } from '../peers/raw-desktop.ts';

// A cold session with a desktop, until the whole first frame has arrived and the browser has answered on its debugging
// pipe. The peer is an equal container by the engine's API, whose daemon is called directly. A second experiment
// compares the memory of such an idle sandbox with only Xvnc and Chromium in an equal container.

const [width, height] = [1280, 800];
const settings = { CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_DESKTOP: 'true', CORRAL_SANDBOX_MEMORY: '2GiB' };
const lookMs = 20;
const quietMs = 5_000;

export const P02: Row = {
  id: 'P02',
  title: 'desktop, Docker: cold until it is seen and the browser answers; memory of an idle one',
  missing: missingEngine,
  experiments: (mode) => [ready(mode), memory(mode)],
};

function ready(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P02', variant: { driver: 'docker' }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'engine-api-container' },
    goals: [{ stat: 'p50', max: 1.1, level: 'anchor' }],
    rounds: { warmUp: 1, min: quick ? 4 : 10, max: quick ? 8 : 30, capMs: quick ? 90_000 : 600_000 },
    open: openReady,
  };
}

function memory(mode: Mode): Experiment {
  return {
    ...{
      id: 'P02',
      variant: { driver: 'docker', of: 'Pss of an idle one' },
      unit: 'MiB',
      better: 'lower',
      feels: 'noise',
    },
    ...{ subject: 'corral', peer: 'xvnc-and-chromium' },
    goals: [{ stat: 'p50', max: 1.3, level: 'anchor' }],
    rounds: { warmUp: 0, min: mode === 'quick' ? 2 : 5, max: mode === 'quick' ? 3 : 10, capMs: 90_000 },
    open: openMemory,
  };
}

async function openReady(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { client, likeness, shown } = await desktops(stack);
  const held = stack.move();
  return {
    async subject() {
      const from = monotonicMs();
      const session = await client.create();
      await client.ready(session);
      await shown(session);
      const ms = monotonicMs() - from;
      await client.remove(session);
      return { samples: [ms] };
    },
    async peer() {
      await using container = await startRaw(likeness);
      return { samples: [(await rawDesktop(container, width * height * 4)) - container.from] };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function openMemory(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { client, likeness, shown } = await desktops(stack);
  const held = stack.move();
  return {
    async subject() {
      const session = await client.create();
      await client.ready(session);
      await shown(session);
      await pause(quietMs);
      const mebibytes = await pssOf((await containerOf(session)).Id);
      await client.remove(session);
      return { samples: [mebibytes] };
    },
    async peer() {
      await using container = await bareDesktop(likeness);
      await pause(quietMs);
      return { samples: [await pssOf(container.id)] };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function desktops(stack: AsyncDisposableStack) {
  const server = stack.use(await startServer(settings));
  const client = stack.use(sessionClient(server));
  async function shown(session: string): Promise<void> {
    const url = `${client.urlOf(session).replace('http', 'ws')}/vnc?view_only=1`;
    using viewer = await CountingViewer.open(url);
    await viewer.frame(width, height);
    for (;;) {
      const answer = await fetch(`${client.urlOf(session)}/desktop`);
      if ((await answer.text()).includes('"browser":"running"')) return;
      await pause(lookMs);
    }
  }
  const likeness = await likenessOf(client);
  return { client, likeness, shown };
}

/** The memory (Pss) of all its processes together, read from inside; Pss counts shared pages once. */
async function pssOf(id: string): Promise<number> {
  const Cmd = ['sh', '-c', "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { sum += $2 } END { print sum }'"];
  const body = { Cmd, AttachStdout: true, Tty: true };
  const exec = await tell<{ Id: string }>('POST', `/containers/${id}/exec`, body);
  const { body: printed } = await ask('POST', `/exec/${exec.Id}/start`, { Detach: false, Tty: true });
  return Number(printed.replaceAll(/\D/g, '')) / 1024;
}
