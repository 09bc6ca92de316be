import { toAppError } from '../../../../core/errors/errors.ts';
import { type AutomationPause, AutomationStartError } from '../../../../sessions/api/server/automations.ts';
import { ManagedAgentsError } from '../errors.ts';

/** Permanent failures with their own error type in the API. */
const lasting = [
  'agent_archived',
  'environment_archived',
  'environment_not_found',
  'file_not_found',
  'memory_store_archived',
  'self_hosted_resources_unsupported',
  'skill_not_found',
  'vault_archived',
  'vault_not_found',
];
const withoutRoom = ['quota', 'rate_limited', 'queue_full', 'sandbox_capacity'];
const refused = ['invalid_request', 'forbidden', 'not_found', 'unsupported', 'conflict', 'session_creation_rejected'];

export function toDeploymentRunError(failure: string | undefined, message: string) {
  const word = failure ?? 'unknown';
  const type = lasting.includes(word)
    ? word
    : withoutRoom.includes(word)
      ? 'session_rate_limited'
      : refused.includes(word)
        ? 'session_creation_rejected'
        : 'unknown';
  return { type: `${type}_error`, message };
}
export function toDeploymentPauseError({ failure = 'unknown', text }: Pick<AutomationPause, 'failure' | 'text'>) {
  return { type: lasting.includes(failure) ? `${failure}_error` : 'unknown_error', message: text };
}

export function toAutomationStartError(thrown: unknown): unknown {
  const error = toAppError(thrown);
  if (error.retryable || !(error instanceof ManagedAgentsError)) return error;
  const { errorCode = 'session_creation_rejected' } = error.narrow;
  const word = lasting.includes(errorCode) ? errorCode : 'session_creation_rejected';
  return new AutomationStartError(error.code, error.publicMessage, word);
}
