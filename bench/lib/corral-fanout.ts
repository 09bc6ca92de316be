import type { Program } from './child-process.ts';
import { openCorral, type Setup } from './corral.ts';
import { type Emission, emit } from './emit.ts';
import { addSession } from './sessions.ts';

// Corral as the subject of a fan-out: real store, writer, log, service and SSE. Only the events are injected here.

export async function open({ dataDir, store }: Pick<Setup, 'dataDir' | 'store'>): Promise<Program> {
  const corral = await openCorral({ dataDir, store });
  const id = await addSession(corral);
  const { writer } = await corral.engine.supervisor.reach(id);
  return {
    methods: {
      listen: async () => `${await corral.listen()}/api/v1/sessions/${id}/events`,
      emit: (emission: Emission) =>
        emit(emission, (n, description) =>
          writer.write([{ type: 'step', runId: null, data: { id: String(n), description, status: 'running' } }]),
        ),
    },
    [Symbol.asyncDispose]: () => corral[Symbol.asyncDispose](),
  };
}
