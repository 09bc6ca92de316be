import type { V1ObjectMeta } from '@kubernetes/client-node';
import { z } from 'zod';
import { SandboxId, SessionId } from '../../src/core/model/ids.ts';
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

/** Labels hold names and numbers. Values that a label cannot hold become annotations. */
export function metaFor(spec: SandboxSpec, instance: string, more: Readonly<Record<string, string>> = {}) {
  return {
    labels: {
      ...instanceLabels(instance),
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

/** Labels of objects that no session owns. */
export const instanceLabels = (instance: string) => ({
  'app.kubernetes.io/name': 'corral-sandbox',
  'app.kubernetes.io/managed-by': 'corral',
  'corral/instance': instance,
});
export const ownedBy = (instance: string) => `corral/instance=${instance},corral/sandbox`;
export const instanceOf = (meta: V1ObjectMeta | undefined) => meta?.labels?.['corral/instance'];
export const parseExpiry = (meta: V1ObjectMeta | undefined) => Number(meta?.annotations?.['corral/expires']);

/** Undefined if the object is not a sandbox's. */
export function parseSandboxInfo(meta: V1ObjectMeta | undefined, phase: SandboxInfo['phase']): SandboxInfo | undefined {
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

/** Selects all pods of an installation, including those that no session has claimed. */
export const selectAllPods = (instance: string) => `corral/instance=${instance},app.kubernetes.io/name=corral-sandbox`;
/** Selects the pods of every installation. */
export const selectAllInstallations = 'app.kubernetes.io/managed-by=corral,app.kubernetes.io/name=corral-sandbox';
