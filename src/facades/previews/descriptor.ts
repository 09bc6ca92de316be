import { describeFacade } from '../shared/facade.ts';
import { previewRoutes } from './routes.ts';
import { previewSettings } from './settings.ts';

export const previews = describeFacade({
  label: 'previews',
  audience: 'browsers and programs that look at what listens in a sandbox, each port under an origin of its own',
  tag: 'Previews',
  paths: ['/previews', '/api/v1/sessions/{id}/ports', '/api/v1/sessions/{id}/previews'],
  documents: '[previews.md](previews.md), `/docs`, `/redoc`',
  settings: previewSettings,
  routes: async (parts) => [previewRoutes(parts)],
});
