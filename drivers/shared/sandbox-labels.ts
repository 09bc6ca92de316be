import { z } from 'zod';
import { SandboxId, SessionId } from '../../src/core/model/ids.ts';
import type { SandboxInfo } from '../driver.ts';

const Fields = z.object({
  sandbox: SandboxId,
  session: SessionId,
  epoch: z.coerce.number().int(),
  template: z.string(),
  image: z.string(),
  expires: z.coerce.number(),
});
type Field = keyof typeof Fields.shape;

export const toSandboxLabels = (spec: Omit<SandboxInfo, 'phase'>): Record<Field, string> => ({
  sandbox: spec.id,
  session: spec.sessionId,
  epoch: String(spec.epoch),
  template: spec.template,
  image: spec.image,
  expires: String(spec.expiresAt),
});

export function parseSandboxLabels(
  labels: unknown,
  prefix: string,
  phase: SandboxInfo['phase'],
): SandboxInfo | undefined {
  const all = new Map(Object.entries(labels ?? {}));
  const fields = Object.keys(Fields.shape).map((name) => [name, all.get(prefix + name)]);
  const parsed = Fields.safeParse(Object.fromEntries(fields));
  if (!parsed.success) return undefined;
  const { sandbox: id, session: sessionId, expires: expiresAt, ...others } = parsed.data;
  return { id, sessionId, expiresAt, phase, ...others };
}
