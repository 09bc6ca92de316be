import { z } from 'zod';
import type { FailureDocOptions } from '../../http/errors/failure-docs.ts';
import { jsonReply } from '../../http/routes/route-docs.ts';

// The response format of SheikhBox and of Corral operations with `style: 'session'`.

export const toSuccessEnvelope = <Data>(data: Data) => ({ code: 0 as const, msg: 'success' as const, data });

export const envelopeReply = <Data extends z.ZodType>(data: Data, example: z.output<Data>) => {
  const schema = z.object({ code: z.literal(0), msg: z.literal('success'), data });
  return jsonReply('Success', schema, toSuccessEnvelope(example) as z.output<typeof schema>);
};

const Failure = z.object({ code: z.int(), msg: z.string(), data: z.null() });

export const envelopeFailureDocs: FailureDocOptions = {
  always: [401, 403, 413, 429, 500, 503],
  texts: { 401: 'Unauthorized', 404: 'Session not found', 409: 'Idempotency-Key in use', 413: 'Body too large' },
  of: (code, msg) => jsonReply(msg, Failure, { code, msg, data: null }),
  other: jsonReply('Any other failure', Failure),
};
