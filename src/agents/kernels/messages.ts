import { z } from 'zod';

/** Maps each MIME type to its value. Binary data is base64-encoded. */
const MimeBundle = z.record(z.string().max(200), z.string());

const CodeError = z.object({ name: z.string(), value: z.string(), traceback: z.string() });
export type CodeError = z.infer<typeof CodeError>;

/** `isMain`: whether the result is the value of the cell's last expression. */
const CodeResult = z.object({ isMain: z.boolean(), data: MimeBundle });
export type CodeResult = z.infer<typeof CodeResult>;

export const KernelMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello') }),
  z.object({ type: z.literal('begin'), count: z.int() }),
  z.object({ type: z.literal('result'), ...CodeResult.shape }),
  z.object({ type: z.literal('end'), count: z.int(), error: CodeError.optional() }),
]);
export type KernelMessage = z.infer<typeof KernelMessage>;
