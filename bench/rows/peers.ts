import { fileURLToPath } from 'node:url';
import { containerOf, missingEngine } from '../lib/calls/engine-api.ts';
import { type LinePeer, linePeer, missingPackage, peerPython } from '../lib/calls/peer-packages.ts';
import { servedClient, timedStart } from '../lib/corral/client.ts';
import { sandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { timeOf } from '../lib/measure/generator.ts';
import { type Missing, type Pair, type Row, roundsWithin, timed } from '../lib/measure/measure.ts';
import { missingBubblewrap } from '../peers/raw-daemon.ts';
import { bytes, command } from './output.ts';

// Corral over HTTP next to packages that give agents a place to run: llm-sandbox starts a container of the same image,
// without Corral's hardening; SWE-ReX isolates nothing, a shell of the user's own. `start`: a new session up to the end of
// its first command. `true`: a command that does nothing. `output`: 50 MB; llm-sandbox had not returned them after a
// minute. `end`: the end of a session, up to the answer.

type Act = 'start' | 'true' | 'output' | 'end';

interface PeerPackage {
  /** The name of its script in bench/peers, without `.py`. */
  readonly name: string;
  readonly module: string;
  readonly driver: 'docker' | 'process';
  readonly acts: readonly Act[];
}

const rowBeside = (peer: PeerPackage, missing: Missing): Row => ({
  name: 'peers',
  title: `next to ${peer.name}`,
  missing: async () => missingPackage(peer.module) ?? (await missing()),
  experiments: (mode) =>
    peer.acts.map((act) => ({
      ...timed,
      variant: { beside: peer.name, act },
      peer: peer.name,
      goals: [{ stat: 'p50', max: 1 }],
      rounds: roundsWithin(mode, 15_000),
      open: (stack) => openPair(stack, peer, act),
    })),
});
export const llmSandbox = rowBeside(
  { name: 'llm-sandbox', module: 'llm_sandbox', driver: 'docker', acts: ['start', 'true', 'end'] },
  missingEngine,
);
export const sweRex = rowBeside(
  { name: 'swe-rex', module: 'swerex', driver: 'process', acts: ['start', 'true', 'output', 'end'] },
  missingBubblewrap,
);

async function openPair(stack: AsyncDisposableStack, peer: PeerPackage, act: Act): Promise<Pair> {
  const client = await servedClient(stack, { CORRAL_DRIVER: peer.driver, CORRAL_EGRESS_POLICY: 'none' });
  const first = await client.started();
  const script = fileURLToPath(new URL(`../peers/${peer.name}.py`, import.meta.url));
  const image = peer.driver === 'docker' ? [(await containerOf(first)).Image] : [];
  const other = stack.use(await linePeer([peerPython, script, ...image]));
  if (act === 'true' || act === 'output') await other.ask('open');
  const streams = stack.use(sandboxStreams(client.url, first));
  const subjects: Readonly<Record<Act, () => Promise<number>>> = {
    start: () => timedStart(client),
    true: () => client.exec(first),
    output: () =>
      timeOf(async () => {
        let count = 0;
        await streams.output(command, (piece) => {
          count += piece.length;
        });
        if (count !== bytes) throw new Error(`${count} of ${bytes} bytes came`);
      }),
    async end() {
      const session = await client.started();
      return await timeOf(() => client.remove(session));
    },
  };
  return {
    subject: async () => [await subjects[act]()],
    peer: async () => [await peerAct(other, act)],
  };
}

async function peerAct(other: LinePeer, act: Act): Promise<number> {
  if (act === 'true') return await other.ask('exec');
  if (act === 'output') return await other.ask(act);
  const opened = await other.ask('open');
  const closed = await other.ask('close');
  return act === 'start' ? opened : closed;
}
