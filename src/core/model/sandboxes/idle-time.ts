import type { SessionRecord } from '../records.ts';

/**
 * Returns the idle timeout in seconds: the creator's value, capped at `most`, the limit set by the template and the
 * server. Null if a client controls the sandbox's lifetime.
 */
export function computeIdleTimeoutSeconds(
  { life, sandbox }: Pick<SessionRecord, 'life' | 'sandbox'>,
  most: number,
): number | null {
  return life ? null : Math.min(sandbox?.idleSeconds ?? most, most);
}
