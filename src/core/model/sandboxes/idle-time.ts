import type { SessionRecord } from '../records.ts';

/** The creator's idle timeout in seconds, capped at `most`. Null if a client controls the sandbox's lifetime. */
export function computeIdleTimeoutSeconds(
  { life, sandbox }: Pick<SessionRecord, 'life' | 'sandbox'>,
  most: number,
): number | null {
  return life ? null : Math.min(sandbox?.idleSeconds ?? most, most);
}
