import { describeFacade } from '../../shared/facade.ts';

export const crogia = describeFacade({
  label: 'Crogia',
  audience: 'clients of its REST API and its WebSockets, terminals too',
  tag: 'Crogia',
  paths: ['/api/sessions', '/api/shells', '/api/health', '/ws/{id}', '/ws/shells'],
  documents: '`/docs`, `/redoc`',
  /** Mounts the socket that it shares with CambioML. */
  async routes({ services, idempotency, sockets, clock, logger }) {
    const rejoins = new (await import('../../shared/conversation/resume-points.ts')).ResumePoints(clock);
    const { sessions } = services;
    return [
      (await import('./routes.ts')).crogia({ ...services, idempotency, sockets, clock, logger, rejoins }),
      (await import('../../shared/conversation/socket.ts')).conversation({ sessions, clock, logger, rejoins }, sockets),
    ];
  },
});
