import { z } from 'zod';
import { PauseAbility, PauseKind, SandboxCondition } from '../../core/model/sandboxes/condition.ts';
import { FilesDamaged } from '../../core/model/sandboxes/files-damaged.ts';

/** A sandbox as every facade tells it. */
export const SandboxStatus = z.object({
  /** The one state to show. */
  condition: SandboxCondition,
  /** The part that the pause kept; null unless it is paused. */
  keeps: PauseKind.nullable(),
  /** The most that a pause keeps: ask before you rely on it. */
  pause: PauseAbility,
  idleSeconds: z.number().nullable().describe('unused for so long, it is stopped; null: a program decides its end'),
  filesDamaged: FilesDamaged.nullable().describe(
    'when its stored files were last found damaged, and which copy came in their place; null: never',
  ),
  state: z.enum(['created', 'running', 'stopped', 'not_found']).describe('the state as earlier clients read it'),
  id: z.string(),
  workdir: z.string(),
  driver: z.string(),
});
export const PauseInput = z.strictObject({
  keeps: PauseKind.optional().describe('what it keeps; default: the most that the sandbox can'),
});
