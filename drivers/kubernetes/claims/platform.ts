import type { V1APIGroupList, V1SelfSubjectRulesReview } from '@kubernetes/client-node';
import type { KubeApi } from '../api/api.ts';

export const extensionApiGroup = 'extensions.agents.x-k8s.io';
const version = 'v1beta1';
export const extensionPath = (namespace: string, plural: string) =>
  `/apis/${extensionApiGroup}/${version}/namespaces/${namespace}/${plural}`;
export const sandboxesPath = (namespace: string) =>
  `/apis/agents.x-k8s.io/${version}/namespaces/${namespace}/sandboxes`;

const needed: readonly (readonly [group: string, resource: string, verbs: readonly string[]])[] = [
  [extensionApiGroup, 'sandboxclaims', ['create', 'get', 'list', 'watch', 'patch', 'delete']],
  [extensionApiGroup, 'sandboxtemplates', ['create', 'delete']],
  [extensionApiGroup, 'sandboxwarmpools', ['create', 'list', 'patch', 'delete']],
  ['agents.x-k8s.io', 'sandboxes', ['patch']],
  ['', 'pods', ['patch']],
];

/**
 * `obstacle`: why claims are unavailable, as a sentence. `seesNodes`: the server can watch nodes. `adopts`: it can use
 * existing Sandboxes.
 */
export async function readClusterSupport(api: KubeApi, namespace: string, signal: AbortSignal) {
  const listing = { method: 'GET', path: '/apis', what: 'list API groups' } as const;
  const { groups = [] } = await api.ask<V1APIGroupList>(listing, signal);
  const versions = groups.find(({ name }) => name === extensionApiGroup)?.versions.map((one) => one.version) ?? [];
  if (versions.length === 0)
    return {
      versions,
      obstacle: `The cluster has no ${extensionApiGroup}: install agent-sandbox with its extensions.`,
    };
  if (!versions.includes(version)) {
    const served = `The cluster serves ${extensionApiGroup} only as ${versions.join(', ')}`;
    return { versions, obstacle: `${served}: install a release of agent-sandbox with ${version}.` };
  }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
  const request = { method: 'POST', path, body, what: 'review its own rights' } as const;
  const { incomplete = false, resourceRules = [] } =
    (await api.ask<V1SelfSubjectRulesReview>(request, signal)).status ?? {};
  const lacking = ([apiGroup, resource, verbs]: (typeof needed)[number]) => {
    const rules = resourceRules.filter((rule) => has(rule.apiGroups, apiGroup) && has(rule.resources, resource));
    return verbs.filter((verb) => !rules.some((rule) => has(rule.verbs, verb))).map((verb) => `${verb} ${resource}`);
  };
  const missing = needed.flatMap(lacking);
  const seesNodes = lacking(['', 'nodes', ['list', 'watch']]).length === 0;
  const adopts = lacking(['agents.x-k8s.io', 'sandboxes', ['get', 'list', 'watch']]).length === 0;
  if (incomplete || missing.length === 0) return { versions, seesNodes, adopts };
  return { versions, obstacle: `This server lacks rights in the namespace ${namespace}: ${missing.join(', ')}.` };
}

const has = (list: readonly string[] | undefined, value: string) => list?.some((it) => it === value || it === '*');
