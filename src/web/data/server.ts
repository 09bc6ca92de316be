import { signal } from '@preact/signals';
import {
  createTRPCUntypedClient,
  createWSClient,
  retryLink,
  type TRPCClientError,
  type TRPCUntypedClient,
  wsLink,
} from '@trpc/client';
import type { AppRouter, Inputs, Outputs } from '../../client/types.ts';
import { errorText, t } from '../text/text.ts';
import { authorization, protocols } from './token.ts';

// The calls of the server that the page makes, with the types of its router, over one WebSocket. After a break it
// reconnects by itself, and subscriptions continue after their last event.

export type Path = { [Name in keyof Outputs & string]: `${Name}.${keyof Outputs[Name] & string}` }[keyof Outputs &
  string];
type ProcedureAt<Tree, Place extends string> = Place extends `${infer Name}.${infer Method}`
  ? Name extends keyof Tree
    ? Method extends keyof Tree[Name]
      ? Tree[Name][Method]
      : never
    : never
  : never;

/** The input of a procedure, by its name such as `webhooks.create`. */
export type InputOf<P extends Path> = ProcedureAt<Inputs, P>;

const maxPauseMs = 4_000;
// A network that is gone closes no socket. A server that does not answer a ping within these times is shown as away, which
// is within three seconds of the break.
const pingMs = 1_000;
const pongMs = 1_900;

/** `broken`: the page tries again by itself. */
export const connection = signal<'connecting' | 'open' | 'broken'>('connecting');

/** The changes that wait for an answer. While the connection is broken, they are sent when it is back. */
export const pendingChanges = signal<readonly Path[]>([]);

const client = Promise.withResolvers<TRPCUntypedClient<AppRouter>>();

/** Connects, and again after each break; calls `onOpen` each time. Calls made before wait. */
export function connect(onOpen: () => void): void {
  const url = new URL('/trpc', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = createWSClient({
    url: url.href,
    WebSocket: SocketWithToken,
    keepAlive: { enabled: true, intervalMs: pingMs, pongTimeoutMs: pongMs },
    retryDelayMs: (attempt) => Math.min(maxPauseMs, 400 * 2 ** attempt) * (0.75 + Math.random() / 2),
    onOpen: () => {
      connection.value = 'open';
      onOpen();
    },
    onClose: () => {
      // A replaced socket may close after the new one has opened.
      if (socket.connection?.state !== 'open') connection.value = 'broken';
    },
  });
  const retry = retryLink<AppRouter>({ retry: ({ op, error }) => op.context.repeat === true && !error.shape });
  client.resolve(createTRPCUntypedClient<AppRouter>({ links: [retry, wsLink({ client: socket })] }));
}

class SocketWithToken extends WebSocket {
  constructor(url: string | URL) {
    super(url, protocols());
  }

  /** Reports the end at once. A browser waits a minute for the farewell of a server that cannot be reached. */
  override close(code?: number, reason?: string): void {
    const isUp = this.readyState === WebSocket.OPEN;
    super.close(code, reason);
    if (isUp) this.dispatchEvent(new CloseEvent('close', { code: code ?? 1000, wasClean: false }));
  }
}

/** The server refused a call, or the connection broke before its answer. */
export class CallError extends Error {
  readonly code: string | undefined;
  /** Also true where no answer came, because the connection broke. */
  readonly retryable: boolean;
  /** The page of the guide that says more, where there is one. */
  readonly docs: string | undefined;
  /** The fields of the input that the server refused, and why. */
  readonly fields: Readonly<Record<string, string>>;

  constructor({ message, shape, data }: TRPCClientError<AppRouter>) {
    super(shape ? (data?.reason ? errorText(data.reason, message) : message) : t('connectionBroke'));
    this.code = data?.code;
    this.retryable = !shape || data?.retryable === true;
    this.docs = data?.docs;
    this.fields = data?.fields ?? {};
  }
}

async function call<P extends Path>(method: 'query' | 'mutation', path: P, input: InputOf<P>, repeat: boolean) {
  const trpc = await client.promise;
  return (await trpc[method](path, input, { context: { repeat } }).catch((thrown: TRPCClientError<AppRouter>) => {
    throw new CallError(thrown);
  })) as ProcedureAt<Outputs, P>;
}

export const query = <P extends Path>(path: P, input: InputOf<P>): Promise<ProcedureAt<Outputs, P>> =>
  call('query', path, input, true);
/** Calls a mutation that is safe to repeat: after a break it is sent again. */
export const mutateWithRetry = <P extends Path>(path: P, input: InputOf<P>): Promise<ProcedureAt<Outputs, P>> =>
  counted(path, () => call('mutation', path, input, true));
export const mutate = <P extends Path>(path: P, input: InputOf<P>): Promise<ProcedureAt<Outputs, P>> =>
  counted(path, () => call('mutation', path, input, false));

async function counted<Data>(path: Path, send: () => Promise<Data>): Promise<Data> {
  pendingChanges.value = [...pendingChanges.value, path];
  try {
    return await send();
  } finally {
    const left = [...pendingChanges.value];
    left.splice(left.indexOf(path), 1);
    pendingChanges.value = left;
  }
}

export interface Subscriber<Item> {
  onData(item: Item): void;
  onError?(error: CallError): void;
  onEnd?(): void;
}

/** Follows until the returned function is called. */
export function follow<Item>(path: Path, input: unknown, hearer: Subscriber<Item>): () => void {
  const ended = new AbortController();
  const { signal: end } = ended;
  void client.promise.then((trpc) => {
    if (end.aborted) return;
    trpc.subscription(path, input, {
      signal: end,
      onData: (item) => end.aborted || hearer.onData(item as Item),
      onError: (error) => end.aborted || hearer.onError?.(new CallError(error)),
      onComplete: () => end.aborted || hearer.onEnd?.(),
    });
  });
  return () => ended.abort();
}

/** A request with the token. Resolves with any status; rejects only without a connection. */
export const request = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(path, { ...init, headers: { ...authorization(), ...(init.headers as Record<string, string> | undefined) } });

/** The message of any thrown value, for people. */
export const toErrorText = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** `randomUUID` is missing on a page that was loaded over plain HTTP from another machine. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
