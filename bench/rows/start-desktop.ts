import { setTimeout as pause } from 'node:timers/promises';
import { likenessOf, missingEngine } from '../lib/calls/engine-api.ts';
import { CountingViewer } from '../lib/calls/rfb.ts';
import { sessionClient } from '../lib/corral/client.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { type Pair, timedRow } from '../lib/measure/measure.ts';
import { startRaw } from '../peers/raw-container.ts';
import { rawDesktop } from '../peers/raw-desktop.ts';

// A cold session with a desktop, until the whole first frame has arrived and the browser has answered on its debugging
// pipe. The peer is an equal container by the engine's API, whose daemon is called directly.

const [width, height] = [1280, 800];
const settings = { CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_DESKTOP: 'true', CORRAL_SANDBOX_MEMORY: '2GiB' };
const lookMs = 20;

export const startDesktop = timedRow({
  name: 'start-desktop',
  title: 'a session with a desktop, until its first frame is seen and its browser answers, Docker',
  missing: missingEngine,
  peer: 'engine-api-container',
  max: 1.1,
  quickMs: 60_000,
  rounds: { min: 4 },
  open: openPair,
});

async function openPair(stack: AsyncDisposableStack): Promise<Pair> {
  const { client, likeness, shown } = await desktops(stack);
  return {
    async subject() {
      const from = monotonicMs();
      const session = await client.started();
      await shown(session);
      const ms = monotonicMs() - from;
      await client.remove(session);
      return { samples: [ms] };
    },
    async peer() {
      await using container = await startRaw(likeness, 'daemon');
      return { samples: [(await rawDesktop(container, width * height * 4)) - container.from] };
    },
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
