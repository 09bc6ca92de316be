import type { IncomingMessage } from 'node:http';
import { AppError } from '../../../core/errors/errors.ts';
import { createIdSource } from '../../../core/model/ids.ts';
import type { FacadeRoutes } from '../../../http/routes/routes.ts';
import type { FacadeDeps } from '../../shared/facade.ts';
import { createSessionPreparer } from './deployments/prepare.ts';
import { archiveAgentDeployments, createDeploymentRoutes } from './deployments/routes.ts';
import { createDeploymentRunRoutes } from './deployments/runs.ts';
import { managedAgentsApiName } from './deployments/shapes.ts';
import { managedAgentsErrorStyle, notSupportedError } from './errors.ts';
import { createAgentRoutes } from './resources/agent-content.ts';
import { createEnvironmentRoutes } from './resources/environments.ts';
import { createFileRoutes, type FileDeps } from './resources/files.ts';
import { createMemoryStoreRoutes } from './resources/memory-stores.ts';
import { createModelRoutes } from './resources/models.ts';
import { createSkillRoutes } from './resources/skills.ts';
import { createVaultRoutes } from './resources/vaults.ts';
import { type ApiRoutes, managedAgentsPrefix, mountRoutes } from './route.ts';
import { createSessionRoutes } from './sessions/routes.ts';
import type { ManagedAgentsSettings } from './settings.ts';
import { moveWorkerCredential, WorkerRouteGuard } from './work/access.ts';
import { createEnvironmentKeyRoutes, createWorkRoutes } from './work/routes.ts';

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

type RouteDeps = Pick<FacadeDeps, 'services' | 'clock' | 'sse' | 'projects' | 'credentials' | 'fetchPage'> & FileDeps;

export const createApiRoutes = (parts: RouteDeps, settings: ManagedAgentsSettings): ApiRoutes => ({
  ...createAgentRoutes(parts.services, (agent) => archiveAgentDeployments(agent, parts)),
  ...createEnvironmentRoutes(parts.services),
  ...createWorkRoutes(parts),
  ...createEnvironmentKeyRoutes(parts),
  ...createModelRoutes(parts.services, settings),
  ...createVaultRoutes(parts),
  ...createSkillRoutes(parts.services),
  ...createMemoryStoreRoutes(parts.services),
  ...createDeploymentRoutes(parts, settings),
  ...createDeploymentRunRoutes(parts),
  ...createFileRoutes(parts),
  ...createSessionRoutes(parts, settings),
});

/** Used by the API reference. The routes are never called. */
export const listManagedAgentsEndpoints = (): readonly string[] =>
  Object.keys(createApiRoutes({ services: {} } as never, { facade: 'on', root: 'off', models: [] }));

const atRoot =
  /^\/v1\/(agents|environments|sessions|files|models|vaults|skills|memory_stores|deployments|deployment_runs|tunnels|dreams|user_profiles|organizations?)(?=[/?]|$)/;

export function createManagedAgentsRoutes(parts: FacadeDeps, settings: ManagedAgentsSettings): readonly FacadeRoutes[] {
  const never = () => false;
  const { short: ids } = createIdSource();
  const { acting, clock } = parts;
  parts.programs?.serve(
    managedAgentsApiName,
    createSessionPreparer({ acting, projects: parts.projects, clock, ids, settings }),
  );
  parts.elsewhere.push({
    rewrite(request: IncomingMessage) {
      const { url = '/', headers } = request;
      if (settings.root === 'on' && atRoot.test(url)) request.url = `${managedAgentsPrefix}${url}`;
      else if (!url.startsWith(`${managedAgentsPrefix}/`)) return false;
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
      errors: { prefix: managedAgentsPrefix, style: managedAgentsErrorStyle },
      mount(app) {
        mountRoutes(app, createApiRoutes({ ...parts, ids }, settings), new WorkerRouteGuard(parts));
        app.all(`${managedAgentsPrefix}/*`, { exposeHeadRoute: false }, async ({ url, method }) => {
          const path = url.slice(managedAgentsPrefix.length).split('?')[0] ?? '';
          const area = findArea(path);
          if (area) throw notSupportedError(area.name);
          throw new AppError('not_found', `There is no ${method} ${path}.`);
        });
      },
    },
  ];
}
