import { fileURLToPath } from 'node:url';
import { monotonicMs } from './generator.ts';
import { httpCalls, trpcData } from './http-calls.ts';
import { type LinePeer, linePeer } from './line-peer.ts';
import type { Experiment, Mode, Pair, SideRound } from './measure.ts';
import { peerPython } from './peer-packages.ts';
import { sandboxStreams } from './sandbox-streams.ts';
import { startServer } from './server.ts';

// Corral over HTTP next to a package that gives agents a place to run. `ready`: a new session up to the end of its first
// command. `exec`: a command that does nothing. `output`: 50 MB. `stop`: the end of a session, up to the answer.

type Act = 'ready' | 'exec' | 'output' | 'stop';
const bytes = 50_000_000;
const command = `yes 'one line of output' | head -c ${bytes}`;

export interface Package {
  readonly id: string;
  /** The name of its script in bench/peers, without `.py`. */
  readonly name: string;
  readonly driver: 'docker' | 'process';
  readonly acts: readonly Act[];
  /** The arguments of the script, for this session of Corral. */
  argumentsFor(session: string): Promise<readonly string[]>;
}

export const experimentsBeside = (peer: Package, mode: Mode): Experiment[] =>
  peer.acts.map((act) => ({
    ...{ id: peer.id, variant: { act, driver: peer.driver, beside: peer.name }, unit: 'ms', better: 'lower' },
    ...{ subject: 'corral', peer: peer.name, feels: 'noise' },
    goals: [{ stat: 'p50', max: 1, level: 'lead' }],
    rounds: { warmUp: 1, min: 5, max: mode === 'quick' ? 8 : 30, capMs: mode === 'quick' ? 15_000 : 200_000 },
    open: () => openPair(peer, act),
  }));

async function openPair(peer: Package, act: Act): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await startServer({ CORRAL_DRIVER: peer.driver, CORRAL_EGRESS_POLICY: 'none' }));
  const calls = stack.use(httpCalls(url));
  const exec = (sessionId: string) => calls.ask('/trpc/sandbox.exec', { sessionId, command: 'true' });
  const ready = async () => {
    const { id } = trpcData<{ id: string }>((await calls.ask('/trpc/sessions.create', {})).text);
    await exec(id);
    return id;
  };
  const remove = (id: string) => calls.ask('/trpc/sessions.delete', { id });
  const first = await ready();
  stack.defer(() => remove(first).then(() => {}));
  const script = fileURLToPath(new URL(`../peers/${peer.name}.py`, import.meta.url));
  const other = stack.use(await linePeer([peerPython, script, ...(await peer.argumentsFor(first))]));
  if (act === 'exec' || act === 'output') await other.ask('open');
  const streams = stack.use(sandboxStreams(url, first));
  const subjects: Readonly<Record<Act, () => Promise<number>>> = {
    async ready() {
      const from = monotonicMs();
      const id = await ready();
      const ms = monotonicMs() - from;
      await remove(id);
      return ms;
    },
    exec: () => exec(first).then(({ ms }) => ms),
    async output() {
      const from = monotonicMs();
      let count = 0;
      await streams.output(command, (piece) => {
        count += piece.length;
      });
      if (count !== bytes) throw new Error(`${count} of ${bytes} bytes came`);
      return monotonicMs() - from;
    },
    stop: async () => (await remove(await ready())).ms,
  };
  const held = stack.move();
  return {
    subject: async (): Promise<SideRound> => ({ samples: [await subjects[act]()] }),
    peer: async (): Promise<SideRound> => ({ samples: [await peerAct(other, act)] }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function peerAct(other: LinePeer, act: Act): Promise<number> {
  if (act === 'exec' || act === 'output') return await other.ask(act);
  const opened = await other.ask('open');
  const closed = await other.ask('close');
  return act === 'ready' ? opened : closed;
}
