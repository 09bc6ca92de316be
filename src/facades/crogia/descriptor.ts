import { describeDialect } from '../shared/dialect.ts';

export const crogia = describeDialect({
  label: 'Crogia',
  audience: 'clients of its REST API and its WebSockets, terminals too',
  tag: 'Crogia',
  paths: ['/api/sessions', '/api/shells', '/api/health', '/ws/{id}', '/ws/shells'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services, idempotency, sockets, clock, logger }) => [
    (await import('./routes.ts')).crogia({ ...services, idempotency, sockets, clock, logger }),
  ],
});
