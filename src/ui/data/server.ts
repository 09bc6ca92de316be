import { signal } from '@preact/signals';
import type { Inputs, Outputs } from '../../client/types.ts';
import { type CallFailed, type Hearer, Line } from './line.ts';
import { authorization, protocols } from './token.ts';

// The calls of the server that the page makes, with the types of its router.

type Path = { [Name in keyof Outputs & string]: `${Name}.${keyof Outputs[Name] & string}` }[keyof Outputs & string];
type At<Tree, Place extends string> = Place extends `${infer Name}.${infer Method}`
  ? Name extends keyof Tree
    ? Method extends keyof Tree[Name]
      ? Tree[Name][Method]
      : never
    : never
  : never;

/** `broken`: the page tries again by itself. */
export const connection = signal<'connecting' | 'open' | 'broken'>('connecting');

const lineUp = Promise.withResolvers<Line>();

/** Opens the connection. Calls made before wait for it. */
export function openLine(onOpen: () => void): void {
  const url = new URL('/trpc', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const onState = (state: 'open' | 'broken') => {
    connection.value = state;
    if (state === 'open') onOpen();
  };
  lineUp.resolve(new Line({ url: url.href, protocols, onState }));
}

async function call<P extends Path>(method: 'query' | 'mutation', path: P, input: At<Inputs, P>, repeat: boolean) {
  const line = await lineUp.promise;
  return (await line.call(method, path, input, repeat)) as At<Outputs, P>;
}

export const query = <P extends Path>(path: P, input: At<Inputs, P>): Promise<At<Outputs, P>> =>
  call('query', path, input, true);
/** For mutations that are safe to repeat: after a break they are sent again. */
export const repeatable = <P extends Path>(path: P, input: At<Inputs, P>): Promise<At<Outputs, P>> =>
  call('mutation', path, input, true);
export const once = <P extends Path>(path: P, input: At<Inputs, P>): Promise<At<Outputs, P>> =>
  call('mutation', path, input, false);

export interface Following<Item> {
  onData(item: Item): void;
  onError?(error: CallFailed): void;
  onEnd?(): void;
}

/** Follows until the returned function is called. `input` is called for each connection. */
export function follow<Item>(path: Path, input: () => unknown, hearer: Following<Item>): () => void {
  let end = () => {};
  let isOver = false;
  void lineUp.promise.then((line) => {
    if (!isOver) end = line.subscribe(path, input, hearer as Hearer);
  });
  return () => {
    isOver = true;
    end();
  };
}

/** A request with the token. Resolves with any status; rejects only without a connection. */
export const request = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(path, { ...init, headers: { ...authorization(), ...(init.headers as Record<string, string> | undefined) } });

/** The words of any thrown thing, for people. */
export const wordsOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** `randomUUID` is missing on a page that was loaded over plain HTTP from another machine. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
