import { randomBytes } from 'node:crypto';
import { callEngineApi, describeMissingEngine, inspectSessionContainer } from '../lib/calls/engine-api.ts';
import { createHttpCalls, parseTrpcData } from '../lib/calls/http-calls.ts';
import { startServerWithClient } from '../lib/corral/client.ts';
import { openSandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  type Experiment,
  type ExperimentSides,
  timeDefaults,
} from '../lib/measure/measure.ts';
import { startRawContainer } from '../peers/raw-container.ts';
import { execRaw } from '../peers/raw-exec.ts';

// A session with 200 MB of files. `fork`: from the request to the next command in the fork; the peer copies the files
// in the container and starts an equal container. `pause`: from the request to its answer; the peer is the engine's own
// pause. `resume`: from the request to the next command; the peer is the engine's unpause and exec.

const fileBytes = 100_000_000;
const fileNames = ['one.bin', 'two.bin'];
type Act = 'fork' | 'pause' | 'resume';

export const forkRow: BenchRow = {
  name: 'fork',
  title: 'a session of 200 MB of files forked, paused and resumed, Docker',
  missing: describeMissingEngine,
  experiments: (mode) => (['fork', 'pause', 'resume'] as const).map((act) => experiment(act, mode)),
};

const experiment = (act: Act, mode: BenchMode): Experiment => ({
  ...timeDefaults,
  variant: { act },
  peer: act === 'fork' ? 'cp --reflink=auto, and a container' : `engine-api-${act}`,
  goals: [{ stat: 'p50', max: 1.3 }],
  rounds: { ...computeRoundLimits(mode, 30_000), min: 4 },
  open: (stack) => openPair(stack, act),
});

async function openPair(stack: AsyncDisposableStack, act: Act): Promise<ExperimentSides> {
  const settings = { CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none', CORRAL_E2B_FACADE: 'on' };
  const client = await startServerWithClient(stack, settings);
  const e2bCalls = stack.use(createHttpCalls(client.url, { 'x-api-key': 'none' }));
  const e2b = async (path: string, body: object): Promise<string> =>
    (await e2bCalls.ask(`/e2b/sandboxes${path}`, body)).text;
  const { sandboxID: session } = JSON.parse(await e2b('', { templateID: 'base', timeout: 3_600 }));
  stack.defer(() => client.remove(session));
  await client.exec(session);
  const container = await inspectSessionContainer(session);
  {
    using streams = openSandboxStreams(client.url, session);
    for (const name of fileNames) await streams.write(name, randomBytes(fileBytes));
  }
  // A fork gets the files as they were at the end of the last run.
  await client.chat(session, 'Look\n```sh\nls\n```');

  const pause = () => e2b(`/${session}/pause`, {});
  const resume = () => e2b(`/${session}/resume`, { timeout: 3_600 });
  const engine = (act: 'pause' | 'unpause') => callEngineApi('POST', `/containers/${container.Id}/${act}`);
  const acts: Readonly<Record<Act, Readonly<Record<keyof ExperimentSides, TimedAct>>>> = {
    fork: {
      subject: {
        async act() {
          const { text } = await client.calls.ask('/trpc/sessions.fork', { id: session });
          const { id, forkedFrom } = parseTrpcData<{ id: string; forkedFrom: { files: string } }>(text);
          if (forkedFrom.files !== 'kept') throw new Error(`the fork has no files: ${forkedFrom.files}`);
          await client.exec(id);
          return () => client.remove(id);
        },
      },
      peer: {
        async act() {
          await execRaw(container.Id, 'cp --recursive --reflink=auto /workspace /tmp/copy');
          const equal = await startRawContainer(container, 'command');
          return async () => {
            await equal[Symbol.asyncDispose]();
            await execRaw(container.Id, 'rm -r /tmp/copy');
          };
        },
      },
    },
    pause: {
      subject: { act: () => pause().then(() => resume) },
      peer: { act: () => engine('pause').then(() => () => engine('unpause')) },
    },
    resume: {
      subject: { before: pause, act: () => resume().then(() => client.exec(session)) },
      peer: { before: () => engine('pause'), act: () => engine('unpause').then(() => execRaw(container.Id, 'true')) },
    },
  };
  const side = (of: keyof ExperimentSides) => () => timedAct(acts[act][of]);
  return { subject: side('subject'), peer: side('peer') };
}

interface TimedAct {
  before?(): Promise<unknown>;
  /** Can resolve with a cleanup function, whose time is not measured. */
  act(): Promise<unknown>;
}
async function timedAct({ before, act }: TimedAct): Promise<number[]> {
  await before?.();
  const from = monotonicMs();
  const after = await act();
  const ms = monotonicMs() - from;
  if (typeof after === 'function') await after();
  return [ms];
}
