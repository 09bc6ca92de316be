import type { FacadeRoutes } from '../../http/routes/routes.ts';
import { describeFacade, type FacadeParts } from '../shared/facade.ts';
import { restRoutes } from '../shared/rest.ts';
import { hookRoutes } from './hooks.ts';
import { skillDownload } from './skill-download.ts';

interface Section {
  readonly audience: string;
  /** Default: the tag's own, below `/api/v1`. */
  readonly paths?: readonly string[];
  /** Routes by hand, next to the derived ones. */
  readonly byHand?: (parts: FacadeParts) => readonly FacadeRoutes[];
}

/** A section of Corral's own REST API, whose routes are derived from the operations in `src/api`. */
function section(tag: string, { audience, paths, byHand }: Section) {
  const page = tag.toLowerCase();
  return describeFacade({
    label: page,
    audience,
    tag,
    paths: paths ?? [`/api/v1/${page}`],
    documents: `[${page}](${page}.md), \`/docs\``,
    routes: async (parts) => [restRoutes(parts, tag), ...(byHand?.(parts) ?? [])],
  });
}

export const automations = section('Automations', {
  audience: 'programs that make agents start by themselves',
  paths: ['/api/v1/automations', '/api/v1/hooks'],
  byHand: ({ services }) => [hookRoutes(services.automations)],
});
export const webhooks = section('Webhooks', {
  audience: 'programs that want to hear of runs, automations and sessions',
});
export const skills = section('Skills', {
  audience: 'programs that bring skills to agents',
  byHand: ({ services }) => [skillDownload(services.skills)],
});
export const memory = section('Memory', { audience: 'programs that read and write the notes of agents' });
