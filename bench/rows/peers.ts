import { fileURLToPath } from 'node:url';
import { describeMissingEngine, inspectSessionContainer } from '../lib/calls/engine-api.ts';
import { describeMissingPackage, type LinePeer, peerPythonPath, startLinePeer } from '../lib/calls/peer-packages.ts';
import { measureStart, startServerWithClient } from '../lib/corral/client.ts';
import { openSandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { measureMs } from '../lib/measure/generator.ts';
import {
  type BenchRow,
  computeRoundLimits,
  type ExperimentSides,
  type RequirementCheck,
  timeDefaults,
} from '../lib/measure/measure.ts';
import { describeMissingBubblewrap } from '../peers/raw-daemon.ts';
import { outputBytes, outputCommand } from './output.ts';

// Corral over HTTP, compared with packages that run commands for agents. llm-sandbox starts a container of the same
// image without Corral's hardening. SWE-ReX isolates nothing: it runs a shell as the user. `start`: from a new session
// to the end of its first command. `true`: a command that does nothing. `output`: 50 MB, which llm-sandbox had not
// returned after a minute. `end`: from the end request to its answer.

type Act = 'start' | 'true' | 'output' | 'end';

interface PeerPackage {
  /** The name of its script in bench/peers, without `.py`. */
  readonly name: string;
  readonly module: string;
  readonly driver: 'docker' | 'process';
  readonly acts: readonly Act[];
}

const rowBeside = (peer: PeerPackage, missing: RequirementCheck): BenchRow => ({
  name: 'peers',
  title: `next to ${peer.name}`,
  missing: async () => describeMissingPackage(peer.module) ?? (await missing()),
  experiments: (mode) =>
    peer.acts.map((act) => ({
      ...timeDefaults,
      variant: { beside: peer.name, act },
      peer: peer.name,
      goals: [{ stat: 'p50', max: 1 }],
      rounds: computeRoundLimits(mode, 15_000),
      open: (stack) => openPair(stack, peer, act),
    })),
});
export const llmSandbox = rowBeside(
  { name: 'llm-sandbox', module: 'llm_sandbox', driver: 'docker', acts: ['start', 'true', 'end'] },
  describeMissingEngine,
);
export const sweRex = rowBeside(
  { name: 'swe-rex', module: 'swerex', driver: 'process', acts: ['start', 'true', 'output', 'end'] },
  describeMissingBubblewrap,
);

async function openPair(stack: AsyncDisposableStack, peer: PeerPackage, act: Act): Promise<ExperimentSides> {
  const client = await startServerWithClient(stack, { CORRAL_DRIVER: peer.driver, CORRAL_EGRESS_POLICY: 'none' });
  const first = await client.started();
  const script = fileURLToPath(new URL(`../peers/${peer.name}.py`, import.meta.url));
  const image = peer.driver === 'docker' ? [(await inspectSessionContainer(first)).Image] : [];
  const other = stack.use(await startLinePeer([peerPythonPath, script, ...image]));
  if (act === 'true' || act === 'output') await other.ask('open');
  const streams = stack.use(openSandboxStreams(client.url, first));
  const subjects: Readonly<Record<Act, () => Promise<number>>> = {
    start: () => measureStart(client),
    true: () => client.exec(first),
    output: () =>
      measureMs(async () => {
        let count = 0;
        await streams.output(outputCommand, (piece) => {
          count += piece.length;
        });
        if (count !== outputBytes) throw new Error(`${count} of ${outputBytes} bytes came`);
      }),
    async end() {
      const session = await client.started();
      return await measureMs(() => client.remove(session));
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
