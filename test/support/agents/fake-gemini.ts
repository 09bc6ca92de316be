import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { httpServer } from '../servers/http-server.ts';

// Sends the documented wire format of `models/*:streamGenerateContent?alt=sse`, as Google's servers send it.

/**
 * One reply. `silence`: no byte comes. `cut`: the connection breaks after the chunks. `stall`: nothing follows the
 * chunks. `tail`: sent unchanged.
 */
export type GeminiReply =
  | { readonly chunks: readonly object[]; readonly tail?: string; readonly after?: 'end' | 'cut' | 'stall' }
  | 'silence'
  | { readonly status: number; readonly error: object; readonly headers?: Record<string, string> };

interface GeminiRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: a recorded body, read by assertions
  readonly body: any;
}
export type FakeGemini = Awaited<ReturnType<typeof fakeGemini>>;

/**
 * Answers the n-th request with the n-th reply, or calls a function. A request without a reply is a bug in the test:
 * 418.
 */
export async function fakeGemini(
  replies: readonly GeminiReply[] | ((request: GeminiRequest, n: number) => GeminiReply),
) {
  /** In order of arrival. */
  const requests: GeminiRequest[] = [];
  /** How many clients left before their reply was complete. */
  let leavers = 0;
  const server = await httpServer(async (incoming, res) => {
    res.once('close', () => {
      if (!res.writableFinished) leavers++;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request = {
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString()),
    };
    const n = requests.push(request) - 1;
    const reply = typeof replies === 'function' ? replies(request, n) : replies[n];
    answer(res, reply ?? refusal(418, 'NO_REPLY', 'the test has no reply for this request'));
  });
  return { ...server, requests, leavers: () => leavers };
}

function answer(res: ServerResponse, reply: GeminiReply): void {
  if (reply === 'silence') return;
  if ('status' in reply) {
    res.writeHead(reply.status, { 'content-type': 'application/json; charset=UTF-8', ...reply.headers });
    res.end(JSON.stringify({ error: reply.error }, null, 2));
    return;
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.flushHeaders();
  const body = reply.chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join('') + (reply.tail ?? '');
  if (reply.after === 'stall') res.write(body);
  else if (reply.after === 'cut') res.write(body, () => setImmediate(() => res.destroy()));
  else res.end(body);
}

const meta = { modelVersion: 'gemini-2.5-flash', responseId: 'oY2GaJq7Nd2Q' };
export const usage = { promptTokenCount: 120, candidatesTokenCount: 9, thoughtsTokenCount: 33, totalTokenCount: 162 };

export const parts = (some: readonly object[], finishReason?: string): object => ({
  candidates: [{ content: { role: 'model', parts: some }, ...(finishReason && { finishReason }), index: 0 }],
  usageMetadata: usage,
  ...meta,
});
export const text = (words: string, finishReason?: string): object => parts([{ text: words }], finishReason);
export const functionCall = (name: string, args: object, thoughtSignature?: string): object => ({
  functionCall: { name, args },
  ...(thoughtSignature && { thoughtSignature }),
});
export const callReply = (name: string, args: object): GeminiReply => ({
  chunks: [parts([functionCall(name, args)]), ending('STOP')],
});
export const ending = (finishReason: string): object => parts([{ text: '' }], finishReason);

export const refusal = (
  code: number,
  status: string,
  message: string,
  more: { details?: object[]; headers?: Record<string, string> } = {},
): GeminiReply => ({
  status: code,
  error: { code, message, status, ...(more.details && { details: more.details }) },
  ...(more.headers && { headers: more.headers }),
});
export const tooManyRequests = (retryDelay?: string): GeminiReply =>
  refusal(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan and billing details.', {
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
        violations: [{ quotaId: 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier', quotaValue: '10' }],
      },
      ...(retryDelay === undefined ? [] : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }]),
    ],
  });
export const internalError = (): GeminiReply => refusal(500, 'INTERNAL', 'An internal error has occurred.');
