import http, { type IncomingMessage } from 'node:http';

export type SseClient = ReturnType<typeof clientOf>;
export interface SeenEvent {
  readonly id: string | undefined;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly data: any;
}
interface Request {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A client with its own socket, so that it can disconnect and be slow. Resolves with the response's head. */
export function openStream(url: string, { method = 'GET', body, headers = {} }: Request = {}): Promise<SseClient> {
  const { promise, resolve, reject } = Promise.withResolvers<SseClient>();
  const request = http.request(url, { method, agent: false, headers });
  request.on('error', reject);
  request.on('response', (response) => resolve(clientOf(request, response)));
  request.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

function clientOf(request: http.ClientRequest, response: IncomingMessage) {
  const chunks: Buffer[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<'ended' | 'broken'>();
  response.on('data', (chunk: Buffer) => void chunks.push(chunk));
  response.on('end', () => resolve('ended'));
  response.on('error', () => resolve('broken'));
  response.on('close', () => resolve('broken'));
  const raw = () => Buffer.concat(chunks).toString('utf8');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    raw,
    events: () => parseSse(raw()),
    /** Resolves when the stream ended: the server ended it, or it broke. */
    ended,
    /** Stops reading, so that the kernel's buffers fill. */
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    [Symbol.dispose]: () => void request.destroy(),
  };
}

/** Parses only complete events; a last event that was cut off is ignored. */
export function parseSse(text: string): SeenEvent[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      return { id: fields.get('id'), event: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? 'null') };
    });
}
