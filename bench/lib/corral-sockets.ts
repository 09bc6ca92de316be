import type { Program } from './child-process.ts';
import { openCorral } from './corral.ts';
import { type Emission, emit } from './emit.ts';
import { addSession } from './sessions.ts';

// Corral as the subject of a fan-out over WebSockets: log, service and conversation socket. Only the store is in memory,
// because the peer has none.

export async function open({ dataDir }: { dataDir: string }): Promise<Program> {
  const corral = await openCorral({ dataDir, store: 'memory' });
  const id = await addSession(corral);
  const { writer } = await corral.engine.supervisor.reach(id);
  const messageId = corral.ids.messageId();
  return {
    methods: {
      listen: async () => `${await corral.listen()}/ws/${id}`,
      emit: (emission: Emission) =>
        emit(emission, (_n, text) =>
          writer.write([{ type: 'message.assistant', runId: null, data: { messageId, text, attachments: [] } }]),
        ),
    },
    [Symbol.asyncDispose]: () => corral[Symbol.asyncDispose](),
  };
}
