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
import { t, translateError, translateServerText } from '../text/text.ts';
import { buildAuthorizationHeaders, buildTokenProtocols } from './token.ts';

// Calls share one WebSocket. After a reconnection, subscriptions continue after their last event.

export type ProcedurePath = {
  [Name in keyof Outputs & string]: `${Name}.${keyof Outputs[Name] & string}`;
}[keyof Outputs & string];
type ProcedureAt<Tree, Place extends string> = Place extends `${infer Name}.${infer Method}`
  ? Name extends keyof Tree
    ? Method extends keyof Tree[Name]
      ? Tree[Name][Method]
      : never
    : never
  : never;

export type InputOf<P extends ProcedurePath> = ProcedureAt<Inputs, P>;

const maxPauseMs = 4_000;
// Detects an unreachable server within three seconds. Without pings, the socket would stay open.
const pingMs = 1_000;
const pongMs = 1_900;
const retryMs = 300;
const maxUnanswered = 40; // tries: the first attempt of a server that was killed is never answered

/** `broken`: the page reconnects automatically. */
export const connectionState = signal<'connecting' | 'open' | 'broken'>('connecting');

/** Paths of mutations that have had no response yet, including those waiting for a connection. */
export const pendingMutations = signal<readonly ProcedurePath[]>([]);

const client = Promise.withResolvers<TRPCUntypedClient<AppRouter>>();

export function connectToServer(onOpen: () => void): void {
  const url = new URL('/trpc', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = createWSClient({
    url: url.href,
    WebSocket: SocketWithToken,
    keepAlive: { enabled: true, intervalMs: pingMs, pongTimeoutMs: pongMs },
    retryDelayMs: (attempt) => Math.min(maxPauseMs, 400 * 2 ** attempt) * (0.75 + Math.random() / 2),
    onOpen: () => {
      connectionState.value = 'open';
      onOpen();
    },
    onClose: () => {
      // A replaced socket may close after its replacement has opened.
      if (socket.connection?.state !== 'open') connectionState.value = 'broken';
    },
  });
  const retry = retryLink<AppRouter>({
    retry: ({ op, error, attempts }) =>
      op.context.repeat === true && (!error.shape || (attempts < maxUnanswered && isUnanswered(error.message))),
    retryDelayMs: () => retryMs,
  });
  client.resolve(createTRPCUntypedClient<AppRouter>({ links: [retry, wsLink({ client: socket })] }));
}

/** The server still works on an attempt that was sent before the connection broke. */
const isUnanswered = (message: string): boolean => message.startsWith('The first request with this idempotency key');

class SocketWithToken extends WebSocket {
  constructor(url: string | URL) {
    super(url, buildTokenProtocols());
  }

  /** Reports the close immediately. Browsers wait a minute for an unreachable server's close frame. */
  override close(code?: number, reason?: string): void {
    const isUp = this.readyState === WebSocket.OPEN;
    super.close(code, reason);
    if (isUp) this.dispatchEvent(new CloseEvent('close', { code: code ?? 1000, wasClean: false }));
  }
}

export class CallError extends Error {
  readonly code: string | undefined;
  /** Also true if the connection broke before the server answered. */
  readonly retryable: boolean;
  readonly docs: string | undefined;
  readonly fields: Readonly<Record<string, string>>;

  constructor({ message, shape, data }: TRPCClientError<AppRouter>) {
    const sentences = Object.values(data?.fields ?? {});
    // Without the names of fields, if each sentence can stand alone.
    const text = sentences.length > 0 && sentences.every((one) => one.endsWith('.')) ? sentences.join(' ') : message;
    super(shape ? (data?.reason ? translateError(data.reason, text) : text) : t('connectionBroke'));
    this.code = data?.code;
    this.retryable = !shape || data?.retryable === true;
    this.docs = data?.docs;
    this.fields = data?.fields ?? {};
  }
}

async function call<P extends ProcedurePath>(
  method: 'query' | 'mutation',
  path: P,
  input: InputOf<P>,
  repeat: boolean,
) {
  const trpc = await client.promise;
  return (await trpc[method](path, input, { context: { repeat } }).catch((thrown: TRPCClientError<AppRouter>) => {
    throw new CallError(thrown);
  })) as ProcedureAt<Outputs, P>;
}

export const query = <P extends ProcedurePath>(path: P, input: InputOf<P>) => call('query', path, input, true);
/** Calls a mutation that is safe to repeat. Retries if the connection breaks. */
export const mutateWithRetry = <P extends ProcedurePath>(path: P, input: InputOf<P>) =>
  counted(path, () => call('mutation', path, input, true));
export const mutate = <P extends ProcedurePath>(path: P, input: InputOf<P>) =>
  counted(path, () => call('mutation', path, input, false));

async function counted<Data>(path: ProcedurePath, send: () => Promise<Data>): Promise<Data> {
  pendingMutations.value = [...pendingMutations.value, path];
  try {
    return await send();
  } finally {
    pendingMutations.value = pendingMutations.value.toSpliced(pendingMutations.value.indexOf(path), 1);
  }
}

export interface Subscriber<Item> {
  onData(item: Item): void;
  onError?(error: CallError): void;
  onEnd?(): void;
}

export function subscribeTo<Item>(path: ProcedurePath, input: unknown, subscriber: Subscriber<Item>): () => void {
  const ended = new AbortController();
  const { signal: end } = ended;
  void client.promise.then((trpc) => {
    if (end.aborted) return;
    trpc.subscription(path, input, {
      signal: end,
      onData: (item) => end.aborted || subscriber.onData(item as Item),
      onError: (error) => end.aborted || subscriber.onError?.(new CallError(error)),
      onComplete: () => end.aborted || subscriber.onEnd?.(),
    });
  });
  return () => ended.abort();
}

/** Resolves for any HTTP status. Rejects only if no response arrives. */
export const fetchWithToken = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(path, {
    ...init,
    headers: { ...buildAuthorizationHeaders(), ...(init.headers as Record<string, string> | undefined) },
  });

export const toErrorText = (thrown: unknown): string =>
  translateServerText(thrown instanceof Error ? thrown.message : String(thrown));

/** A page loaded over plain HTTP from another machine lacks `randomUUID`. */
export const createRandomKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
