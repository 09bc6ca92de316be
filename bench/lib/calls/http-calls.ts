import { Agent, type IncomingMessage, request } from 'node:http';
import { monotonicMs } from '../measure/generator.ts';

/** Calls over keep-alive connections, as a page or a client makes them. */
export interface HttpCalls extends Disposable {
  /** The text of the answer, and how long the call took, in ms. Rejects unless the status is 2xx. */
  ask(path: string, body?: object): Promise<{ text: string; ms: number }>;
  /** Passes the answer on as it arrives; resolves at its end. */
  stream(path: string, body: object, heard: (chunk: string) => void): Promise<void>;
}

export function httpCalls(url: string): HttpCalls {
  const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  function open(path: string, body?: object, method = body ? 'POST' : 'GET'): Promise<IncomingMessage> {
    const json = body && JSON.stringify(body);
    const headers = { ...(json !== undefined && { 'content-type': 'application/json' }) };
    return new Promise((resolve, reject) => {
      request(`${url}${path}`, { agent, method, headers }, resolve).once('error', reject).end(json);
    });
  }
  async function read(answer: IncomingMessage, heard: (chunk: string) => void): Promise<void> {
    answer.setEncoding('utf8');
    for await (const chunk of answer) heard(chunk as string);
  }
  const isGood = ({ statusCode = 0 }: IncomingMessage) => statusCode >= 200 && statusCode < 300;
  return {
    async ask(path, body) {
      const from = monotonicMs();
      const answer = await open(path, body);
      let text = '';
      await read(answer, (chunk) => {
        text += chunk;
      });
      if (!isGood(answer)) throw new Error(`${path} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
      return { text, ms: monotonicMs() - from };
    },
    async stream(path, body, heard) {
      const answer = await open(path, body);
      await read(answer, heard);
      if (!isGood(answer)) throw new Error(`${path} answered ${answer.statusCode}`);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** The result in a tRPC answer. */
export function trpcData<Value>(text: string): Value {
  return (JSON.parse(text) as { result: { data: Value } }).result.data;
}
