import { describeFacade } from '../shared/facade.ts';
import { memoryRoutes } from './routes.ts';

export const memory = describeFacade({
  label: 'memory',
  audience: 'programs that read and write the notes of agents',
  tag: 'Memory',
  paths: ['/api/v1/memory'],
  documents: '[memory](docs/memory.md), `/docs`',
  routes: async ({ services: { memory: service } }) => [memoryRoutes(service)],
});
