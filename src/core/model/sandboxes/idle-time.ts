import type { SessionRecord } from '../records.ts';

/**
 * Idle time after which the sandbox of a session stops: its creator's choice, limited by its template and server (`most`). Null
 * if a client controls the sandbox's lifetime.
 */
export function computeIdleSeconds(
  { life, sandbox }: Pick<SessionRecord, 'life' | 'sandbox'>,
  most: number,
): number | null {
  return life ? null : Math.min(sandbox?.idleSeconds ?? most, most);
}
