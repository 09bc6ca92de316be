import type { SessionRecord } from '../records.ts';

/**
 * Idle time after which a session's sandbox stops: the choice of the session's creator, up to the limit set by the template
 * and the server (`most`). Null if a client controls the sandbox's lifetime.
 */
export function computeIdleTimeoutSeconds(
  { life, sandbox }: Pick<SessionRecord, 'life' | 'sandbox'>,
  most: number,
): number | null {
  return life ? null : Math.min(sandbox?.idleSeconds ?? most, most);
}
