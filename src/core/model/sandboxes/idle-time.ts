import type { SessionRecord } from '../records.ts';

/**
 * The time after which the unused sandbox of a session stops: its creator's choice, at most that of its template and server
 * (`most`). Null where a program decides its end.
 */
export function computeIdleSeconds(
  { life, sandbox }: Pick<SessionRecord, 'life' | 'sandbox'>,
  most: number,
): number | null {
  return life ? null : Math.min(sandbox?.idleSeconds ?? most, most);
}
