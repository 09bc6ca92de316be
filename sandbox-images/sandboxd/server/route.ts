import type { Duplex } from 'node:stream';
import { type Daemon, daemonLimits, type OpenFile } from '../daemon.ts';
import { createBadRequestError, parseBodyFields } from './body-fields.ts';
import { streamProtocol } from './http-upgrade.ts';

export interface PathParameters {
  readonly id: string;
  readonly pid: string;
  readonly port: string;
}
export interface HttpExchange {
  readonly daemon: Daemon;
  readonly params: PathParameters;
  readonly query: URLSearchParams;
  json(): Promise<unknown>;
  readonly raw: AsyncIterable<Uint8Array>;
  /** Aborts if the client disconnects before the response is complete. */
  readonly signal: AbortSignal;
}
export interface StreamedBody {
  /** Chunks can share one buffer, so each is sent before the next is requested. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly size?: number;
  readonly trailer?: { readonly name: string; readonly value: () => string };
}

export type RouteReply = undefined | { readonly json: unknown } | StreamedBody;
export interface Route {
  readonly method: string;
  readonly path: string;
  /** Requests to this route, such as health checks, do not count as activity. */
  readonly quiet?: true;
  readonly stream?: StreamOpener;
  handle(exchange: HttpExchange): Promise<RouteReply>;
}
type StreamOpener = (daemon: Daemon, params: PathParameters) => Promise<Duplex>;
type Handler<Reply> = (exchange: HttpExchange) => Reply | Promise<Reply>;

function toRoute(line: string, rest: Omit<Route, 'method' | 'path'>): Route {
  const [method = '', path = ''] = line.split(' ');
  return { method, path, ...rest };
}

export const jsonRoute = (line: string, answer: Handler<unknown>): Route =>
  toRoute(line, { handle: async (exchange) => ({ json: await answer(exchange) }) });

export const actionRoute = (line: string, act: Handler<void>): Route =>
  toRoute(line, { handle: async (exchange) => void (await act(exchange)) });

export const bytesRoute = (line: string, open: Handler<StreamedBody>): Route =>
  toRoute(line, { handle: async (exchange) => await open(exchange) });

export const fileRoute = (line: string, open: Handler<OpenFile>): Route =>
  bytesRoute(line, async (exchange) => {
    const file = await open(exchange);
    return { size: file.size, chunks: disposing(file, file.chunks) };
  });

export const streamRoute = (line: string, stream: StreamOpener): Route =>
  toRoute(line, {
    stream,
    async handle() {
      throw createBadRequestError(`This is a stream: request it with \`Upgrade: ${streamProtocol}\`.`);
    },
  });

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

async function* disposing<Item>(resource: AsyncDisposable, items: AsyncIterable<Item>): AsyncGenerator<Item> {
  await using _ = resource;
  yield* items;
}
