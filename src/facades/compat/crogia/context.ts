import { AppError } from '../../../core/errors/errors.ts';
import { describeDetailFailures } from '../../../http/errors/failure-docs.ts';
import { createRouteDescriber } from '../../../http/routes/route-docs.ts';
import type { Services } from '../../../sessions/api/services.ts';
import type { ResumePoints } from '../../shared/conversation/resume-points.ts';
import type { FacadeDeps } from '../../shared/facade.ts';

export interface CrogiaDeps extends Omit<Services, 'projects'>, Pick<FacadeDeps, 'sockets' | 'clock' | 'logger'> {
  readonly rejoins: ResumePoints;
}

export const describeRoute = createRouteDescriber({
  tag: 'Crogia',
  prefix: 'crogia',
  failures: describeDetailFailures,
});

/** Clients match these exact strings. */
export const wireErrorTexts = {
  session_not_found: 'Session not found',
  path_outside: 'Path is outside the workspace',
  shell_not_found: 'Shell session not found',
} as const;

/** Rejects a malformed id with the error for an unknown terminal. */
export function parseShellId(value: string): string {
  if (!/^shell_[0-9a-f]{8}$/.test(value)) throw new AppError('shell_not_found', wireErrorTexts.shell_not_found);
  return value;
}

export const toIsoTime = (ms: number): string => new Date(ms).toISOString();
