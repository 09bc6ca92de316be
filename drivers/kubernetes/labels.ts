import type { V1ObjectMeta } from '@kubernetes/client-node';
import { z } from 'zod';
import { SandboxId, SessionId } from '../../src/core/ids.ts';
import type { SandboxInfo, SandboxSpec } from '../driver.ts';

const Labels = z.object({
  'corral/sandbox': SandboxId,
  'corral/session': SessionId,
  'corral/epoch': z.coerce.number().int(),
});
const Annotations = z.object({
  'corral/template': z.string(),
  'corral/image': z.string(),
  'corral/expires': z.coerce.number(),
});

/** What is neither a name nor a number cannot be a label's value, so it is an annotation. */
export function metaFor(spec: SandboxSpec, instance: string, more: Readonly<Record<string, string>> = {}) {
  return {
    labels: {
      'app.kubernetes.io/name': 'corral-sandbox',
      'app.kubernetes.io/managed-by': 'corral',
      'corral/instance': instance,
      'corral/sandbox': spec.id,
      'corral/session': spec.sessionId,
      'corral/epoch': String(spec.epoch),
    },
    annotations: {
      'corral/template': spec.template,
      'corral/image': spec.image,
      'corral/expires': String(spec.expiresAt),
      ...more,
    },
  };
}

export const ownedBy = (instance: string) => `corral/instance=${instance},corral/sandbox`;
export const instanceOf = (meta: V1ObjectMeta | undefined) => meta?.labels?.['corral/instance'];
export const expiryOf = (meta: V1ObjectMeta | undefined) => Number(meta?.annotations?.['corral/expires']);

/** Undefined for an object that is not a sandbox's. */
export function infoFrom(meta: V1ObjectMeta | undefined, phase: SandboxInfo['phase']): SandboxInfo | undefined {
  const labels = Labels.safeParse(meta?.labels);
  const notes = Annotations.safeParse(meta?.annotations);
  if (!labels.success || !notes.success) return undefined;
  return {
    id: labels.data['corral/sandbox'],
    sessionId: labels.data['corral/session'],
    epoch: labels.data['corral/epoch'],
    template: notes.data['corral/template'],
    image: notes.data['corral/image'],
    phase,
    expiresAt: notes.data['corral/expires'],
  };
}

/** Of all of an installation's pods, unclaimed ones too. */
export const everyPod = (instance: string) => `corral/instance=${instance},app.kubernetes.io/name=corral-sandbox`;
export const ofSession = (instance: string, session: SessionId) => `${ownedBy(instance)},corral/session=${session}`;

/** The same without the one that was this in the pool. */
export const ofSessionBut = (instance: string, session: SessionId, warm: SandboxId) =>
  `${ofSession(instance, session)},${warmLabel}!=${warm}`;

/** On what was started for the pool, for ever: which one it was there. Its tokens come from that. */
const warmLabel = 'corral/warm';
/** While nobody has claimed it: what it was made from. */
export const poolLabel = 'corral/pool';
export const contentNote = 'corral/content';
export const unclaimedBy = (instance: string) => `${everyPod(instance)},${poolLabel}`;

/** Whose tokens the pod has. */
export const keyIdOf = (meta: V1ObjectMeta | undefined, id: SandboxId): SandboxId =>
  SandboxId.safeParse(meta?.labels?.[warmLabel]).data ?? id;
export const isFromPool = (meta: V1ObjectMeta | undefined): boolean => meta?.labels?.[warmLabel] !== undefined;

/** What is written on a pod of the pool: it is nobody's, so nothing that lists sandboxes sees it. */
export function warmMeta(spec: SandboxSpec, recipe: string, labels: Readonly<Record<string, string>>) {
  const { 'corral/sandbox': _sandbox, 'corral/session': _session, ...rest } = labels;
  return { ...rest, [warmLabel]: spec.id, [poolLabel]: recipe };
}
export const warmIdOf = (meta: V1ObjectMeta | undefined) => SandboxId.safeParse(meta?.labels?.[warmLabel]).data;
