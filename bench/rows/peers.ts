import { fileURLToPath } from 'node:url';
import { containerOf, missingEngine } from '../lib/calls/engine-api.ts';
import { type LinePeer, linePeer } from '../lib/calls/line-peer.ts';
import { missingPeer, peerPython, pythonPackage } from '../lib/calls/peer-packages.ts';
import { sessionClient, timedStart } from '../lib/corral/client.ts';
import { sandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  type Experiment,
  type Mode,
  type Pair,
  type Row,
  roundsWithin,
  type SideRound,
  timed,
} from '../lib/measure/measure.ts';
import { missingBubblewrap } from '../peers/raw-daemon.ts';

// Corral over HTTP next to packages that give agents a place to run: llm-sandbox starts a container of the same image,
// without Corral's hardening; SWE-ReX isolates nothing, a shell of the user's own. `start`: a new session up to the end of
// its first command. `true`: a command that does nothing. `output`: 50 MB; llm-sandbox had not returned them after a
// minute. `end`: the end of a session, up to the answer.

type Act = 'start' | 'true' | 'output' | 'end';
const bytes = 50_000_000;
const command = `yes 'one line of output' | head -c ${bytes}`;

interface PeerPackage {
  /** The name of its script in bench/peers, without `.py`. */
  readonly name: string;
  readonly driver: 'docker' | 'process';
  readonly acts: readonly Act[];
  /** The arguments of the script, for this session of Corral. */
  argumentsFor(session: string): Promise<readonly string[]>;
}

const rowBeside = (peer: PeerPackage, missing: Row['missing']): Row => ({
  name: 'peers',
  title: `next to ${peer.name}`,
  ...(missing && { missing }),
  experiments: (mode) => peer.acts.map((act) => experiment(peer, act, mode)),
});
const missingLlmSandbox = missingPeer(pythonPackage('llm_sandbox'));
const missingSweRex = missingPeer(pythonPackage('swerex'));
export const llmSandbox = rowBeside(
  {
    name: 'llm-sandbox',
    driver: 'docker',
    acts: ['start', 'true', 'end'],
    argumentsFor: async (session) => [(await containerOf(session)).Image],
  },
  async () => (await missingLlmSandbox()) ?? (await missingEngine()),
);
export const sweRex = rowBeside(
  { name: 'swe-rex', driver: 'process', acts: ['start', 'true', 'output', 'end'], argumentsFor: async () => [] },
  async () => (await missingSweRex()) ?? (await missingBubblewrap()),
);

const experiment = (peer: PeerPackage, act: Act, mode: Mode): Experiment => ({
  ...timed,
  variant: { beside: peer.name, act },
  peer: peer.name,
  goals: [{ stat: 'p50', max: 1 }],
  rounds: roundsWithin(mode, 15_000),
  open: (stack) => openPair(stack, peer, act),
});

async function openPair(stack: AsyncDisposableStack, peer: PeerPackage, act: Act): Promise<Pair> {
  const { url } = stack.use(await startServer({ CORRAL_DRIVER: peer.driver, CORRAL_EGRESS_POLICY: 'none' }));
  const client = stack.use(sessionClient({ url }));
  const first = await client.started();
  const script = fileURLToPath(new URL(`../peers/${peer.name}.py`, import.meta.url));
  const other = stack.use(await linePeer([peerPython, script, ...(await peer.argumentsFor(first))]));
  if (act === 'true' || act === 'output') await other.ask('open');
  const streams = stack.use(sandboxStreams(url, first));
  const subjects: Readonly<Record<Act, () => Promise<number>>> = {
    start: () => timedStart(client),
    true: () => client.exec(first),
    async output() {
      const from = monotonicMs();
      let count = 0;
      await streams.output(command, (piece) => {
        count += piece.length;
      });
      if (count !== bytes) throw new Error(`${count} of ${bytes} bytes came`);
      return monotonicMs() - from;
    },
    async end() {
      const session = await client.started();
      const from = monotonicMs();
      await client.remove(session);
      return monotonicMs() - from;
    },
  };
  return {
    subject: async (): Promise<SideRound> => ({ samples: [await subjects[act]()] }),
    peer: async (): Promise<SideRound> => ({ samples: [await peerAct(other, act)] }),
  };
}

async function peerAct(other: LinePeer, act: Act): Promise<number> {
  if (act === 'true') return await other.ask('exec');
  if (act === 'output') return await other.ask(act);
  const opened = await other.ask('open');
  const closed = await other.ask('close');
  return act === 'start' ? opened : closed;
}
