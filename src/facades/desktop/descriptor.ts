import { describeFacade } from '../shared/facade.ts';
import { desktopRoutes } from './routes.ts';

export const desktop = describeFacade({
  label: 'desktop',
  audience: "pages that show a session's desktop: its state, and who has the keyboard and mouse",
  tag: 'Desktop',
  paths: ['/api/v1/sessions/{id}/desktop'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services }) => [desktopRoutes({ desktop: services.desktop })],
});
