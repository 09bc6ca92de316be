import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { monotonicMs } from './generator.ts';

// Corral with a session on Docker, called through its services, for operations that no dialect offers over HTTP yet.

export async function open({ dataDir }: { dataDir: string }): Promise<Program> {
  const corral = await openCorral({
    dataDir,
    store: 'full',
    settings: { CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_DESKTOP: 'false', CORRAL_INSTANCE: `bench-${process.pid}` },
  });
  const never = new AbortController().signal;
  const { id } = await corral.service.create({ origin: 'sheikhbox' });
  return {
    methods: {
      session: async () => {
        await corral.sandboxes.exec(id, { command: 'true' }, never);
        return id;
      },
      /** How long each call took, in ms. */
      exec: async ({ command, times }: { command: string; times: number }) => {
        const samples: number[] = [];
        for (let n = 0; n < times; n++) {
          const from = monotonicMs();
          const { exitCode } = await corral.sandboxes.exec(id, { command }, never);
          samples.push(monotonicMs() - from);
          if (exitCode !== 0) throw new Error(`"${command}" ended with ${exitCode}`);
        }
        return samples;
      },
    },
    async [Symbol.asyncDispose]() {
      await corral.service.delete(id);
      await corral[Symbol.asyncDispose]();
    },
  };
}
