import type { IncomingMessage } from 'node:http';
import { AppError } from '../../../core/errors/errors.ts';
import { createIdSource } from '../../../core/model/ids.ts';
import type { FacadeRoutes } from '../../../http/routes/routes.ts';
import type { FacadeParts } from '../../shared/facade.ts';
import { createSessionPreparer } from './deployments/prepare.ts';
import { archiveAgentDeployments, deploymentRoutes } from './deployments/routes.ts';
import { deploymentRunRoutes } from './deployments/runs.ts';
import { managedAgentsApi } from './deployments/shapes.ts';
import { errorStyle, notSupportedError } from './errors.ts';
import { agentRoutes } from './resources/agents.ts';
import { environmentRoutes } from './resources/environments.ts';
import { type FileDeps, fileRoutes } from './resources/files.ts';
import { memoryStoreRoutes } from './resources/memory-stores.ts';
import { modelRoutes } from './resources/models.ts';
import { skillRoutes } from './resources/skills.ts';
import { vaultRoutes } from './resources/vaults.ts';
import { apiPrefix, mountRoutes, type Route } from './route.ts';
import { sessionRoutes } from './sessions/routes.ts';
import type { ManagedAgentsSettings } from './settings.ts';
import { moveWorkerCredential, WorkerAccess } from './work/access.ts';
import { environmentKeyRoutes } from './work/keys.ts';
import { workRoutes } from './work/routes.ts';

interface UnsupportedArea {
  readonly name: string;
  /** `B`: could be added. `C`: belongs to a hosted service. */
  readonly tier: 'B' | 'C';
  readonly paths: readonly string[];
}
export const unsupportedAreas: readonly UnsupportedArea[] = [
  { name: 'tunnels', tier: 'C', paths: ['/v1/tunnels'] },
  { name: 'dreams', tier: 'C', paths: ['/v1/dreams'] },
  { name: 'user profiles', tier: 'C', paths: ['/v1/user_profiles'] },
  { name: 'the administration of an organization', tier: 'C', paths: ['/v1/organizations', '/v1/organization'] },
  { name: 'messages', tier: 'C', paths: ['/v1/messages', '/v1/complete'] },
];

function findArea(path: string): UnsupportedArea | undefined {
  const values = path.split('/');
  const matchesPrefix = (begin: string) => begin.split('/').every((part, n) => part === '*' || part === values[n]);
  return unsupportedAreas.find(({ paths }) => paths.some(matchesPrefix));
}

type RouteDeps = Pick<FacadeParts, 'services' | 'clock' | 'sse' | 'projects' | 'credentials' | 'fetchPage'> & FileDeps;

export const createApiRoutes = (parts: RouteDeps, settings: ManagedAgentsSettings): readonly Route[] => [
  ...agentRoutes(parts.services, (agent) => archiveAgentDeployments(agent, parts)),
  ...environmentRoutes(parts.services),
  ...workRoutes(parts),
  ...environmentKeyRoutes(parts),
  ...modelRoutes(parts.services, settings),
  ...vaultRoutes(parts),
  ...skillRoutes(parts),
  ...memoryStoreRoutes(parts),
  ...deploymentRoutes(parts, settings),
  ...deploymentRunRoutes(parts),
  ...fileRoutes(parts),
  ...sessionRoutes(parts, settings),
];

/** Method and path of every route, for the reference. The routes are never called, so no service is needed. */
export const managedAgentsEndpoints = (): readonly string[] =>
  createApiRoutes({ services: {} } as never, { facade: 'on', root: 'off', models: [] }).map(({ endpoint }) => endpoint);

/** The paths at the root that belong to this API, if the settings put it there. */
const atRoot =
  /^\/v1\/(agents|environments|sessions|files|models|vaults|skills|memory_stores|deployments|deployment_runs|tunnels|dreams|user_profiles|organizations?)(?=[/?]|$)/;

export function managedAgentsRoutes(parts: FacadeParts, settings: ManagedAgentsSettings): readonly FacadeRoutes[] {
  const never = () => false;
  const { short: ids } = createIdSource();
  const { acting, clock } = parts;
  parts.programs?.serve(
    managedAgentsApi,
    createSessionPreparer({ acting, projects: parts.projects, clock, ids, settings }),
  );
  parts.elsewhere.push({
    rewrite(request: IncomingMessage) {
      const { url = '/', headers } = request;
      if (settings.root === 'on' && atRoot.test(url)) request.url = `${apiPrefix}${url}`;
      else if (!url.startsWith(`${apiPrefix}/`)) return false;
      const key = headers['x-api-key'];
      if (headers.authorization === undefined && typeof key === 'string' && key !== '')
        headers.authorization = `Bearer ${key}`;
      moveWorkerCredential(headers);
      return true;
    },
    answersTo: never,
    isForProgram: never,
    upgrade: never,
  });
  return [
    {
      errors: { prefix: apiPrefix, style: errorStyle },
      mount(app) {
        mountRoutes(app, createApiRoutes({ ...parts, ids }, settings), new WorkerAccess(parts));
        app.all(`${apiPrefix}/*`, { exposeHeadRoute: false }, async ({ url, method }) => {
          const path = url.slice(apiPrefix.length).split('?')[0] ?? '';
          const area = findArea(path);
          if (area) throw notSupportedError(area.name);
          throw new AppError('not_found', `There is no ${method} ${path}.`);
        });
      },
    },
  ];
}
