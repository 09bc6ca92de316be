import { AppError } from '../../../../core/errors/errors.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import { SessionId } from '../../../../core/model/ids.ts';

// An event's id contains the session's id and the seq. Events from an agent's message use the message id, because
// compaction can drop deltas.

export const toApiSessionId = (id: string): string => `sesn_${id}`;
export const toApiThreadId = (id: SessionId): string => `sthr_${id}`;
export const toApiEventId = (id: SessionId, seq: number, part = 0): string =>
  `sevt_${id}${seq.toString(36).padStart(7, '0')}${part === 0 ? '' : `x${part}`}`;
export const toApiOutcomeId = (id: SessionId, seq: number): string => `outc_${id}${seq.toString(36).padStart(7, '0')}`;
/** Independent of the event's seq, because the text streams before the event is logged. */
export const toApiMessageId = (messageId: string, part = 0): string =>
  `sevt_m${messageId.replaceAll('-', '')}${part === 0 ? '' : `x${part}`}`;
/** The part number at the end of a thinking event's id. */
export const thoughtPartNumber = 70;
/** `part`: the event's index, from 0, among the API events from one log event. */
export const apiEventIdOf = (source: SessionEvent, part: number): string =>
  source.type === 'message.delta' || source.type === 'message.assistant'
    ? toApiMessageId(source.data.messageId, part + 1) // part 0 is the message itself
    : toApiEventId(source.sessionId, source.seq, part);

export const toApiUploadId = (id: string): string => `file_u${id.replaceAll('-', '')}`;
export const parseUploadId = (value: string): string | undefined => {
  const [, ...parts] = /^file_u([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(value) ?? [];
  return parts.length === 0 ? undefined : parts.join('-');
};

export const toApiDeploymentId = (id: string): string => `depl_${id}`;
export const parseDeploymentId = (value: string): string => {
  const [, id] = /^depl_([0-9a-f]{12})$/.exec(value) ?? [];
  if (id === undefined) throw new AppError('not_found', `There is no deployment ${value}.`);
  return id;
};
export const toApiDeploymentRunId = (start: string): string => `drun_${start.replace(':', 'x')}`;
export const parseDeploymentRunId = (value: string): { readonly id: string; readonly automation: string } => {
  const [, automation, rest] = /^drun_([0-9a-f]{12})x([0-9a-f]+)$/.exec(value) ?? [];
  if (automation === undefined) throw new AppError('not_found', `There is no deployment run ${value}.`);
  return { id: `${automation}:${rest}`, automation };
};

const parseId = (prefix: string, value: string, what: string): SessionId => {
  const { success, data } = SessionId.safeParse(value.startsWith(prefix) ? value.slice(prefix.length) : '');
  if (!success) throw new AppError('session_not_found', `There is no ${what} ${value}.`);
  return data;
};
export const parseSessionId = (value: string): SessionId => parseId('sesn_', value, 'session');
export const parseThreadId = (value: string): SessionId => parseId('sthr_', value, 'thread');
