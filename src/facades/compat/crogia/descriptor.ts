import { ResumePoints } from '../../shared/conversation/resume-points.ts';
import { createConversationRoutes } from '../../shared/conversation/socket.ts';
import { defineFacade } from '../../shared/facade.ts';
import { createCrogiaRoutes as crogiaRoutes } from './routes.ts';

export const crogia = defineFacade({
  label: 'Crogia',
  audience: 'clients of its REST API and its WebSockets, terminals too',
  tag: 'Crogia',
  paths: ['/api/sessions', '/api/shells', '/api/health', '/ws/{id}', '/ws/shells'],
  documents: '`/docs`, `/redoc`',
  async routes({ services, sockets, clock, logger }) {
    const rejoins = new ResumePoints(clock);
    const { sessions } = services;
    return [
      crogiaRoutes({ ...services, sockets, clock, logger, rejoins }),
      createConversationRoutes({ sessions, clock, logger, rejoins }, sockets),
    ];
  },
});
