// The simplest server with the same answer: Fastify, one route, the session in a map.
import fastify from 'fastify';
import type { Program } from '../lib/child-process.ts';

export async function open({ session }: { session: { id: string } }): Promise<Program> {
  const sessions = new Map([[session.id, session]]);
  const app = fastify({ logger: false });
  app.get<{ Params: { id: string } }>('/sessions/:id', async ({ params }, reply) => {
    const found = sessions.get(params.id);
    return found ?? reply.code(404).send({ error: 'not found' });
  });
  return {
    methods: { listen: () => app.listen({ host: '127.0.0.1', port: 0 }) },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}
