import type { Duplex } from 'node:stream';
import { type Daemon, daemonLimits, type OpenFile } from '../daemon.ts';
import { createBadRequestError, parseBodyFields } from './body-fields.ts';
import { streamProtocol } from './http-upgrade.ts';
import type { ChunkedBody } from './send-chunks.ts';

export interface HttpExchange {
  readonly daemon: Daemon;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  json(): Promise<unknown>;
  readonly raw: AsyncIterable<Uint8Array>;
  /** Aborts if the client disconnects before the answer is complete. */
  readonly signal: AbortSignal;
}
/** Undefined: the answer is an empty 204. */
export type RouteReply = undefined | { readonly json: unknown } | ChunkedBody;
export interface Route {
  readonly method: string;
  readonly path: string;
  /** Requests do not count as activity: a health check must not keep a sandbox awake. */
  readonly quiet?: true;
  /** Opens the stream that takes over the connection if the request uses the stream protocol. */
  stream?(daemon: Daemon, params: HttpExchange['params']): Promise<Duplex>;
  handle(exchange: HttpExchange): Promise<RouteReply>;
}

export async function rejectWithoutUpgrade(): Promise<never> {
  throw createBadRequestError(`This is a stream: request it with \`Upgrade: ${streamProtocol}\`.`);
}

export function parseSignal(body: unknown): 'SIGTERM' | 'SIGKILL' | 'SIGINT' {
  const { signal } = parseBodyFields(body, { signal: 'name' });
  if (signal === 'SIGTERM' || signal === 'SIGKILL' || signal === 'SIGINT') return signal;
  throw createBadRequestError('signal must be SIGTERM, SIGKILL or SIGINT.');
}

export function parseTerminalSize(body: unknown): { readonly cols: number; readonly rows: number } {
  const size = parseBodyFields(body, { cols: 'count', rows: 'count' });
  const fits = [size.cols, size.rows].every((side) => side >= 1 && side <= daemonLimits.terminalSide);
  if (!fits) throw createBadRequestError(`cols and rows must be from 1 to ${daemonLimits.terminalSide}.`);
  return size;
}

export function checkArguments({ argv, env = [] }: { argv: readonly string[]; env?: readonly string[] }): void {
  if (!argv[0]) throw createBadRequestError('argv must begin with a program.');
  if (Math.max(argv.length, env.length) <= daemonLimits.arguments) return;
  throw createBadRequestError(`argv and env must have at most ${daemonLimits.arguments} items.`);
}

export const toFileReply = (file: OpenFile): ChunkedBody => ({ size: file.size, chunks: disposing(file, file.chunks) });

async function* disposing<Item>(resource: AsyncDisposable, items: AsyncIterable<Item>): AsyncGenerator<Item> {
  await using _ = resource;
  yield* items;
}
