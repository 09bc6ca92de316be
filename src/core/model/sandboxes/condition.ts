import { z } from 'zod';
import type { SandboxPhase } from '../events.ts';

/**
 * `new`: never used. `paused`: the next use resumes it. `stopped`: by a user, or by the server if the driver cannot
 * pause. `lost`: the next use starts a new sandbox with the same files.
 */
export const SandboxCondition = z.enum([
  'new',
  'starting',
  'running',
  'pausing',
  'paused',
  'resuming',
  'stopping',
  'stopped',
  'lost',
]);
export type SandboxCondition = z.infer<typeof SandboxCondition>;

export const PauseSupport = z.enum(['memory', 'files', 'none']);
export type PauseSupport = z.infer<typeof PauseSupport>;

export const PauseKind = z.enum(['memory', 'files']);
export type PauseKind = z.infer<typeof PauseKind>;

interface SandboxFacts {
  readonly sandboxState: keyof typeof byState;
  readonly life?: { readonly paused: PauseKind | null } | undefined;
  readonly sandboxPhase?: SandboxPhase | undefined;
  readonly sandboxHeld: boolean;
}
const byPhase = {
  queued: 'starting',
  image: 'starting',
  starting: 'starting',
  ready: 'running',
  pausing: 'pausing',
  paused: 'paused',
  resuming: 'resuming',
  resumed: 'running',
  lost: 'lost',
  released: 'stopped',
} as const satisfies Record<SandboxPhase, SandboxCondition>;
const byState = { created: 'new', running: 'running', stopped: 'stopped', not_found: 'lost' } as const;

export function computeSandboxCondition(
  { sandboxPhase, sandboxState, sandboxHeld, life }: SandboxFacts,
  pause: PauseSupport,
): { readonly condition: SandboxCondition; readonly keeps: PauseKind | null } {
  const condition = sandboxPhase === undefined ? byState[sandboxState] : byPhase[sandboxPhase];
  if (condition === 'paused') return { condition, keeps: 'memory' };
  if (condition === 'pausing' && sandboxHeld) return { condition: 'stopping', keeps: null };
  const isPause = !sandboxHeld || life?.paused === 'files';
  if (condition === 'stopped' && isPause && pause !== 'none') return { condition: 'paused', keeps: 'files' };
  return { condition, keeps: null };
}
