import { setTimeout as pause } from 'node:timers/promises';
import { describeMissingEngine } from '../lib/calls/engine-api.ts';
import { CountingViewer } from '../lib/calls/rfb.ts';
import { inspectSampleContainer, startServerWithClient } from '../lib/corral/client.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { createTimedRow, type ExperimentSides } from '../lib/measure/measure.ts';
import { startRawContainer } from '../peers/raw-container.ts';
import { startRawDesktop } from '../peers/raw-desktop.ts';

// A cold session with a desktop, until the whole first frame has arrived and the browser has answered on its debugging
// pipe. The peer is an equal container, started through the engine's API, whose daemon is called directly.

const [width, height] = [1280, 800];
const settings = { CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_DESKTOP: 'true', CORRAL_SANDBOX_MEMORY: '2GiB' };
const lookMs = 20;

export const startDesktopRow = createTimedRow({
  name: 'start-desktop',
  title: 'a session with a desktop, until its first frame is seen and its browser answers, Docker',
  missing: describeMissingEngine,
  peer: 'engine-api-container',
  max: 1.1,
  quickMs: 60_000,
  rounds: { min: 4 },
  open: openPair,
});

async function openPair(stack: AsyncDisposableStack): Promise<ExperimentSides> {
  const client = await startServerWithClient(stack, settings);
  const likeness = await inspectSampleContainer(client);
  async function subject() {
    const from = monotonicMs();
    const session = await client.started();
    using viewer = await CountingViewer.open(`${client.urlOf(session).replace('http', 'ws')}/vnc?view_only=1`);
    await viewer.frame(width, height);
    while (!(await browserRuns(client.urlOf(session)))) await pause(lookMs);
    const ms = monotonicMs() - from;
    await client.remove(session);
    return [ms];
  }
  async function peer() {
    await using container = await startRawContainer(likeness, 'daemon');
    return [(await startRawDesktop(container, width, height)) - container.from];
  }
  return { subject, peer };
}

const browserRuns = async (session: string): Promise<boolean> =>
  (await (await fetch(`${session}/desktop`)).text()).includes('"browser":"running"');
