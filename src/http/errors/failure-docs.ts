import { z } from 'zod';
import { jsonReply, type ReplyDoc, type ReplyDocs } from '../routes/route-docs.ts';

export interface FailureDocOptions {
  readonly always: readonly number[];
  readonly texts?: Readonly<Record<number, string>>;
  of(status: number, text: string): ReplyDoc;
  readonly other: ReplyDoc;
}

const usualTexts: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Refused: Host or origin',
  404: 'Not found',
  409: 'Conflict',
  412: 'The file has changed',
  413: 'Too large',
  416: 'Range not satisfiable',
  426: 'Not a WebSocket',
  429: 'Too many requests',
  500: 'Internal server error',
  503: 'Unavailable',
};

export function createFailureDescriber({ always, texts, of, other }: FailureDocOptions) {
  const shared = new Map<string, ReplyDocs>();
  return (own: readonly number[], missing?: string): ReplyDocs => {
    const textOf = (status: number) =>
      (status === 404 ? missing : undefined) ?? texts?.[status] ?? usualTexts[status] ?? 'Error';
    const all = [...new Set([...always, ...own])];
    const key = `${all} ${missing}`;
    const known = shared.get(key) ?? {
      ...Object.fromEntries(all.map((status) => [status, of(status, textOf(status))])),
      default: other,
    };
    shared.set(key, known);
    return known;
  };
}

const Detail = z.object({ detail: z.string() });
const Fields = z.object({
  detail: z.array(z.object({ type: z.string(), loc: z.array(z.union([z.string(), z.int()])), msg: z.string() })),
});

export const otherFailureReply = jsonReply('Any other failure', z.union([Detail, Fields]));
export const detailReply = (description: string) => jsonReply(description, Detail, { detail: description });

export const invalidFieldsReply = (field: string) =>
  jsonReply('Some fields are invalid', Fields, {
    detail: [{ type: 'missing', loc: ['body', field], msg: 'Field required' }],
  });

export const describeDetailFailures = createFailureDescriber({
  always: [401, 403, 413, 429, 500, 503],
  texts: { 404: 'Session not found', 413: 'Body too large', 503: 'The sandbox is not available' },
  of: (status, text) => (status === 422 ? invalidFieldsReply('task') : detailReply(text)),
  other: otherFailureReply,
});

export const describeUpgradeFailures = createFailureDescriber({
  always: [401, 403, 426, 429],
  of: (_status, description) => ({ description }),
  other: { description: 'Any other failure' },
});
