import { describeMissingEngine } from '../lib/calls/engine-api.ts';
import { startDockerSession } from '../lib/corral/client.ts';
import { measureSamples } from '../lib/measure/generator.ts';
import { createTimedRow, type ExperimentSides } from '../lib/measure/measure.ts';
import { execRaw } from '../peers/raw-exec.ts';

export const command = createTimedRow({
  name: 'command',
  title: '`true` in a sandbox and back, over tRPC',
  missing: describeMissingEngine,
  peer: 'engine-api-exec',
  max: 0.15,
  quickMs: 12_000,
  open: (stack, mode) => openPair(stack, mode === 'quick' ? 6 : 20),
});

async function openPair(stack: AsyncDisposableStack, times: number): Promise<ExperimentSides> {
  const { client, session, container } = await startDockerSession(stack);
  return {
    subject: () => measureSamples(times * 10, () => client.exec(session)),
    peer: () => measureSamples(times, () => execRaw(container.Id, 'true')),
  };
}
