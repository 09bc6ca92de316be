import { AppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';

/** A malformed id is reported as an unknown session. */
export function toSessionId(value: string): SessionId {
  const parsed = SessionId.safeParse(value);
  if (!parsed.success) throw new AppError('session_not_found', 'Session not found');
  return parsed.data;
}
