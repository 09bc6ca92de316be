import { z } from 'zod';
import { SandboxId, SessionId } from '../../src/core/ids.ts';
import type { SandboxInfo, SandboxSpec } from '../driver.ts';

const prefix = 'corral.';
const Labels = z.object({
  'corral.sandbox': SandboxId,
  'corral.session': SessionId,
  'corral.epoch': z.coerce.number().int(),
  'corral.template': z.string(),
  'corral.image': z.string(),
  'corral.expires': z.coerce.number(),
});

/** The labels of a sandbox's container and volume; what others want to add cannot pose as ours. */
export function labelsFor(
  spec: SandboxSpec,
  instance: string,
  others: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const foreign = Object.entries(others).filter(([key]) => !key.toLowerCase().startsWith(prefix));
  return {
    ...Object.fromEntries(foreign),
    'corral.sandbox': spec.id,
    'corral.session': spec.sessionId,
    'corral.epoch': String(spec.epoch),
    'corral.owner-instance': instance,
    'corral.template': spec.template,
    'corral.image': spec.image,
    'corral.expires': String(spec.expiresAt),
  };
}

export const ownedBy = (instance: string) => `corral.owner-instance=${instance}`;

/** Undefined for labels that are not a sandbox's. */
export function infoFrom(labels: unknown, phase: SandboxInfo['phase']): SandboxInfo | undefined {
  const parsed = Labels.safeParse(labels);
  if (!parsed.success) return undefined;
  const known = parsed.data;
  return {
    id: known['corral.sandbox'],
    sessionId: known['corral.session'],
    epoch: known['corral.epoch'],
    template: known['corral.template'],
    image: known['corral.image'],
    phase,
    expiresAt: known['corral.expires'],
  };
}
