import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { monotonicMs } from '../measure/generator.ts';

export async function awaitOkResponse(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  if (Math.trunc((answer.statusCode ?? 0) / 100) === 2) return answer;
  const text = (await answer.toArray()).join('').slice(0, 300);
  throw new Error(`${sent.method} ${sent.path} answered ${answer.statusCode}: ${text}`);
}

export interface HttpCalls extends Disposable {
  /** Rejects unless the status is 2xx. */
  ask(path: string, body?: object): Promise<{ text: string; ms: number }>;
  open(path: string, body?: object): Promise<IncomingMessage>;
  stream(path: string, body: object, listener: (chunk: string) => void): Promise<void>;
}

export function createHttpCalls(url: string, more: Readonly<Record<string, string>> = {}): HttpCalls {
  const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  function open(path: string, body?: object): Promise<IncomingMessage> {
    const method = body ? 'POST' : 'GET';
    const headers = { ...more, ...(body && { 'content-type': 'application/json' }) };
    const sent = request(`${url}${path}`, { agent, method, headers });
    return awaitOkResponse(sent.end(body && JSON.stringify(body)));
  }
  return {
    open,
    async ask(path, body) {
      const from = monotonicMs();
      const text = (await (await open(path, body)).setEncoding('utf8').toArray()).join('');
      return { text, ms: monotonicMs() - from };
    },
    async stream(path, body, listener) {
      for await (const chunk of (await open(path, body)).setEncoding('utf8')) listener(chunk as string);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

export function parseTrpcData<Value>(text: string): Value {
  return (JSON.parse(text) as { result: { data: Value } }).result.data;
}
