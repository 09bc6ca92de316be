import { randomBytes } from 'node:crypto';
import { containerOf, missingEngine, tell } from '../lib/calls/engine-api.ts';
import { timedPost } from '../lib/calls/exchange.ts';
import { trpcData } from '../lib/calls/http-calls.ts';
import { sessionClient } from '../lib/corral/client.ts';
import { sandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { type Experiment, type Mode, type Pair, type Row, roundsWithin, timed } from '../lib/measure/measure.ts';
import { startRaw } from '../peers/raw-container.ts';
import { rawExec } from '../peers/raw-exec.ts';

// A session with 200 MB of files. `fork`: from the request to the next command in the fork; the peer copies the files in
// the container and starts an equal one. `pause`: the request until its answer, beside the engine's own pause. `resume`:
// from the request to the next command, beside the engine's unpause and exec.

const fileBytes = 100_000_000;
const fileNames = ['one.bin', 'two.bin'];
type Act = 'fork' | 'pause' | 'resume';

export const fork: Row = {
  name: 'fork',
  title: 'a session of 200 MB of files forked, paused and resumed, Docker',
  missing: missingEngine,
  experiments: (mode) => (['fork', 'pause', 'resume'] as const).map((act) => experiment(act, mode)),
};

const experiment = (act: Act, mode: Mode): Experiment => ({
  ...timed,
  variant: { act },
  peer: act === 'fork' ? 'cp --reflink=auto, and a container' : `engine-api-${act}`,
  goals: [{ stat: 'p50', max: 1.3 }],
  rounds: { ...roundsWithin(mode, 30_000), min: 4 },
  open: (stack) => openPair(stack, act),
});

async function openPair(stack: AsyncDisposableStack, act: Act): Promise<Pair> {
  const settings = { CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none', CORRAL_E2B_FACADE: 'on' };
  const server = stack.use(await startServer(settings));
  const client = stack.use(sessionClient(server));
  const e2b = async (path: string, body: object): Promise<string> => {
    const headers = { 'content-type': 'application/json', 'x-api-key': 'none' };
    const answer = await fetch(`${server.url}/e2b/sandboxes${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
    return text;
  };
  const { sandboxID: session } = JSON.parse(await e2b('', { templateID: 'base', timeout: 3_600 }));
  stack.defer(() => client.remove(session));
  await client.exec(session);
  const container = await containerOf(session);
  {
    using streams = sandboxStreams(server.url, session);
    for (const name of fileNames) await streams.write(name, randomBytes(fileBytes));
  }
  // A fork begins with the files at the end of a run.
  await timedPost(`${client.urlOf(session)}/chat`, { message: 'Look\n```sh\nls\n```' });

  const acts: Readonly<Record<Act, { subject(): Promise<number>; peer(): Promise<number> }>> = {
    fork: {
      async subject() {
        const from = monotonicMs();
        const { text } = await client.calls.ask('/trpc/sessions.fork', { id: session });
        const { id, forkedFrom } = trpcData<{ id: string; forkedFrom: { files: string } }>(text);
        if (forkedFrom.files !== 'kept') throw new Error(`the fork has no files: ${forkedFrom.files}`);
        await client.exec(id);
        const ms = monotonicMs() - from;
        await client.remove(id);
        return ms;
      },
      async peer() {
        const from = monotonicMs();
        await mustExec(container.Id, 'cp --recursive --reflink=auto /workspace /tmp/copy');
        await using _equal = await startRaw(container, 'command');
        const ms = monotonicMs() - from;
        await mustExec(container.Id, 'rm -r /tmp/copy');
        return ms;
      },
    },
    pause: {
      async subject() {
        const ms = await timedAct(() => e2b(`/${session}/pause`, {}));
        await e2b(`/${session}/resume`, { timeout: 3_600 });
        return ms;
      },
      async peer() {
        const ms = await timedAct(() => tell('POST', `/containers/${container.Id}/pause`));
        await tell('POST', `/containers/${container.Id}/unpause`);
        return ms;
      },
    },
    resume: {
      async subject() {
        await e2b(`/${session}/pause`, {});
        return await timedAct(async () => {
          await e2b(`/${session}/resume`, { timeout: 3_600 });
          await client.exec(session);
        });
      },
      async peer() {
        await tell('POST', `/containers/${container.Id}/pause`);
        return await timedAct(async () => {
          await tell('POST', `/containers/${container.Id}/unpause`);
          await mustExec(container.Id, 'true');
        });
      },
    },
  };
  return {
    subject: async () => ({ samples: [await acts[act].subject()] }),
    peer: async () => ({ samples: [await acts[act].peer()] }),
  };
}

async function timedAct(act: () => Promise<unknown>): Promise<number> {
  const from = monotonicMs();
  await act();
  return monotonicMs() - from;
}

async function mustExec(container: string, command: string): Promise<void> {
  const code = await rawExec(container, command);
  if (code !== 0) throw new Error(`"${command}" ended with ${code}`);
}
