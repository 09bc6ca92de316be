import type { V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { AppError } from '../../src/core/errors/errors.ts';
import type { SandboxInfo, SandboxSpec } from '../driver.ts';
import { parseSandboxLabels, toSandboxLabels } from '../shared/sandbox-labels.ts';
import type { KubeObject } from './api/collection.ts';

const prefix = 'corral/';

export function createObjectMetadata(spec: SandboxSpec, instance: string, more: Readonly<Record<string, string>> = {}) {
  const { sandbox, session, epoch, ...notes } = toSandboxLabels(spec);
  return {
    labels: { ...createInstanceLabels(instance), ...prefixed({ sandbox, session, epoch }) },
    annotations: { ...prefixed(notes), ...more },
  };
}
const prefixed = (fields: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [prefix + name, value]));

export const createInstanceLabels = (instance: string) => ({
  'app.kubernetes.io/name': 'corral-sandbox',
  'app.kubernetes.io/managed-by': 'corral',
  'corral/instance': instance,
});
export const createSandboxSelector = (instance: string) => `corral/instance=${instance},corral/sandbox`;
export const readInstanceLabel = (meta: V1ObjectMeta | undefined) => meta?.labels?.['corral/instance'];
export const isOwnPod = (pod: V1Pod | undefined, instance: string): pod is V1Pod =>
  pod !== undefined && readInstanceLabel(pod.metadata) === instance;
export const toObjectNamePrefix = (instance: string) => `corral-${instance}-`;

/** Any installation may delete a pod that is this long past its deadline. */
const lateMs = 60_000;
export const isOverdue = ({ metadata }: KubeObject, now: number) =>
  Number(metadata?.annotations?.['corral/expires']) + lateMs < now;

export const parseSandboxInfo = (
  meta: V1ObjectMeta | undefined,
  phase: SandboxInfo['phase'],
): SandboxInfo | undefined => parseSandboxLabels({ ...meta?.annotations, ...meta?.labels }, prefix, phase);

export const toSandboxInfos = (info: SandboxInfo | undefined, pod: V1Pod | undefined): SandboxInfo[] =>
  info ? [{ ...info, ...(pod?.spec?.nodeName && { host: pod.spec.nodeName }) }] : [];

export const createPodSelector = (instance: string) =>
  `corral/instance=${instance},app.kubernetes.io/name=corral-sandbox`;
export const allPodsSelector = 'app.kubernetes.io/managed-by=corral,app.kubernetes.io/name=corral-sandbox';

export function assertBelongsToSession(
  kind: string,
  { metadata }: KubeObject,
  spec: SandboxSpec,
  instance: string,
): void {
  const info = parseSandboxInfo(metadata, 'ready');
  if (readInstanceLabel(metadata) !== instance || info?.sessionId !== spec.sessionId) {
    const advice = 'Remove it, or give this installation another name.';
    throw new AppError('sandbox_unavailable', `Another program's ${kind} has the name ${metadata?.name}. ${advice}`);
  }
  if (info.epoch > spec.epoch)
    throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
}
