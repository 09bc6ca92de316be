export interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text and a form are sent as they are, everything else as JSON. */
  readonly body?: unknown;
}
export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly body: any;
}

/** Sends one request, and reads its answer. */
export async function call(
  method: string,
  url: string,
  { token, headers, body }: CallOptions = {},
): Promise<CallAnswer> {
  const isRaw = body === undefined || typeof body === 'string' || body instanceof FormData;
  const sent = isRaw ? body : JSON.stringify(body);
  const all = {
    ...(!isRaw && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...headers,
  };
  const response = await fetch(url, { method, headers: all, ...(sent !== undefined && { body: sent }) });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : text };
}

/** The request of each facade that creates a session. */
export const creations = (project: string) =>
  [
    ['PUT', '/api/v1/sessions'],
    ['POST', '/sessions'],
    ['POST', '/api/sessions'],
    ['POST', `/api/v1/chats?project_id=${project}`],
    ['POST', '/trpc/sessions.create'],
  ] as const;
