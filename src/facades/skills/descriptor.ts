import { describeFacade } from '../shared/facade.ts';
import { skillRoutes } from './routes.ts';

export const skills = describeFacade({
  label: 'skills',
  audience: 'programs that bring skills to agents',
  tag: 'Skills',
  paths: ['/api/v1/skills'],
  documents: '[skills](docs/skills.md), `/docs`',
  routes: async ({ services: { skills: service } }) => [skillRoutes(service)],
});
