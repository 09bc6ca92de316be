import { defineFacade } from '../../shared/facade.ts';
import { e2bSettings } from './settings.ts';

export const e2b = defineFacade({
  label: 'E2B',
  audience: 'programs written on the E2B SDKs, by environment variables alone; off until `CORRAL_E2B_FACADE=on`',
  tag: undefined,
  paths: ['/e2b'],
  documents: '[e2b.md](e2b.md)',
  settings: e2bSettings,
  routes: async (parts, settings) =>
    settings.facade === 'on' ? await (await import('./routes.ts')).createE2bRoutes(parts, settings) : [],
});
