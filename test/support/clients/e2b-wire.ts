import { request } from 'node:http';

/** A message in the envelope of a stream. */
export function framed(message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly watcherId?: string };
}
type Headers = Record<string, string>;
type RequestOptions = Omit<RequestInit, 'headers'> & { readonly headers?: Headers };

export type WireClient = ReturnType<typeof wireClient>;

/** Speaks the wire of the E2B SDKs without them, to one sandbox that `create` creates. */
export function wireClient(env: () => { readonly E2B_API_URL: string; readonly E2B_API_KEY: string }) {
  let sandbox = { sandboxID: '', envdAccessToken: '' };
  const url = () => env().E2B_API_URL;
  const api = (path: string, init: RequestOptions = {}) => {
    const type = init.body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { 'x-api-key': env().E2B_API_KEY, ...type, ...init.headers };
    return fetch(`${url()}${path}`, { ...init, headers });
  };
  /** Empty headers are left out. */
  const own = (more: Headers = {}): Headers => {
    const named = { 'e2b-sandbox-id': sandbox.sandboxID, 'e2b-sandbox-port': '49983' };
    const all = { ...named, 'x-access-token': sandbox.envdAccessToken, ...more };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
  };
  const agent = (path: string, init: RequestOptions = {}) =>
    fetch(`${url()}${path}`, { ...init, headers: own(init.headers) });

  async function* envelopes(answer: Response): AsyncGenerator<{ readonly flags: number; readonly message: object }> {
    let left = Buffer.alloc(0);
    for await (const chunk of answer.body ?? []) {
      left = Buffer.concat([left, chunk]);
      while (left.length >= 5 && left.length >= 5 + left.readUInt32BE(1)) {
        const end = 5 + left.readUInt32BE(1);
        yield { flags: left[0] ?? 0, message: JSON.parse(left.subarray(5, end).toString()) };
        left = left.subarray(end);
      }
    }
  }
  const startStream = (method: string, message: object, headers: Headers = {}, signal?: AbortSignal) =>
    agent(`/${method}`, {
      ...(signal && { signal }),
      method: 'POST',
      body: new Uint8Array(Buffer.isBuffer(message) ? message : framed(message)),
      headers: { 'content-type': 'application/connect+json', ...headers },
    });

  return {
    get sid() {
      return sandbox.sandboxID;
    },
    get token() {
      return sandbox.envdAccessToken;
    },
    get url() {
      return url();
    },
    get key() {
      return env().E2B_API_KEY;
    },
    own,
    api,
    agent,
    shell: (text: string) => ({ process: { cmd: '/bin/bash', args: ['-c', text] }, stdin: false }),
    /** Speaks to this sandbox from now on. */
    become(other: typeof sandbox) {
      sandbox = other;
    },
    /** Creates the sandbox; a repeated call repeats the request. */
    async create(more: object = {}): Promise<Response> {
      const body = JSON.stringify({ templateID: 'base', timeout: 600, envVars: { OF_CREATE: 'yes' }, ...more });
      const answer = await api('/v2/sandboxes', { method: 'POST', body, headers: { 'idempotency-key': 'the-wire' } });
      if (sandbox.sandboxID === '') sandbox = (await answer.clone().json()) as typeof sandbox;
      return answer;
    },
    async call(method: string, message: object, headers: Headers = {}): Promise<Answer> {
      const all = { 'content-type': 'application/json', ...headers };
      const answer = await agent(`/${method}`, { method: 'POST', body: JSON.stringify(message), headers: all });
      return { status: answer.status, body: (await answer.json()) as Answer['body'] };
    },
    /** Reads a stream to its end: the messages, the last one, and the text of all output. */
    async stream(method: string, message: object, headers: Headers = {}) {
      const answer = await startStream(method, message, headers);
      const events: object[] = [];
      let last: object | undefined;
      for await (const { flags, message: output } of envelopes(answer)) {
        if (flags === 2) last = output;
        else events.push(output);
      }
      const pieces = events as { event?: { data?: { stdout?: string } } }[];
      const out = pieces.map(({ event }) => Buffer.from(event?.data?.stdout ?? '', 'base64'));
      return { status: answer.status, events, last, stdout: Buffer.concat(out).toString() };
    },
    /** Opens a stream and reads one message, and further messages only on request. */
    async open(method: string, message: object, headers: Headers = {}) {
      const stop = new AbortController();
      const answer = await startStream(method, message, headers, stop.signal);
      const reading = envelopes(answer);
      const { value } = await reading.next();
      return {
        events: [value?.message],
        next: async () => (await reading.next()).value?.message,
        /** Rejects when the connection breaks. */
        async rest() {
          const messages: object[] = [];
          for await (const { message: one } of reading) messages.push(one);
          return messages;
        },
        leave: () => stop.abort(),
      };
    },
    /** A download without the decoding that `fetch` does. */
    raw: (path: string, headers: Headers) =>
      new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; body: Buffer }>(
        (done, fail) => {
          const pending = request(`${url()}${path}`, { headers: own(headers) }, (answer) => {
            const parts: Buffer[] = [];
            answer.on('data', (part) => parts.push(part));
            answer.once('end', () =>
              done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }),
            );
          });
          pending.once('error', fail).end();
        },
      ),
  };
}

export const read = async <Body>(answer: Response | Promise<Response>): Promise<Body> =>
  (await (await answer).json()) as Body;
