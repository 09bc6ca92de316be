import { parseStreamFrames } from '../core/text/stream-frames.ts';
import { readChunks, toRequestInit } from './bodies.ts';
import type { Connection } from './connection.ts';
import { CorralError, type CorralErrorCode, createServerError } from './errors.ts';

export interface ExecOptions {
  /** Relative to the workspace. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command and everything it started are killed after this time. */
  readonly timeoutMs?: number;
  /** The command's standard input; default: none. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
  /** The next call waits for a returned promise; other return values are ignored. */
  readonly onStdout?: (text: string) => unknown;
  readonly onStderr?: (text: string) => unknown;
  /** Maximum number of characters to keep from each of stdout and stderr; default: 1,048,576. */
  readonly keep?: number;
}
export interface ExecResult {
  /** 124 after a timeout, 128+n after signal n. The call does not reject if the command fails. */
  readonly exitCode: number;
  readonly timedOut: boolean;
  /** The first `keep` characters; `onStdout` and `onStderr` receive all of the output. */
  readonly stdout: string;
  readonly stderr: string;
  /** Whether `stdout` or `stderr` was cut off. */
  readonly truncated: boolean;
}
export interface ExecBytesOptions extends Omit<ExecOptions, 'onStdout' | 'onStderr' | 'keep'> {
  /** The next call waits for a returned promise. */
  readonly onBytes: (channel: 'stdout' | 'stderr', bytes: Uint8Array) => void | Promise<void>;
}

const keptChars = 1024 * 1024;

export async function exec(
  server: Connection,
  sessionId: string,
  command: string,
  options: ExecOptions,
): Promise<ExecResult> {
  const { onStdout, onStderr, keep = keptChars, ...rest } = options;
  const texts = { stdout: keptText(onStdout, keep), stderr: keptText(onStderr, keep) };
  const onBytes: ExecBytesOptions['onBytes'] = (channel, bytes) => texts[channel].add(bytes);
  const ended = await execBytes(server, sessionId, command, { ...rest, onBytes });
  const { stdout, stderr } = texts;
  const truncated = stdout.isCut() || stderr.isCut();
  return { ...ended, stdout: stdout.text(), stderr: stderr.text(), truncated };
}

/** Like `exec`, but neither decodes nor keeps the output. */
export async function execBytes(
  server: Connection,
  sessionId: string,
  command: string,
  { onBytes, stdin, signal, ...requested }: ExecBytesOptions,
): Promise<Pick<ExecResult, 'exitCode' | 'timedOut'>> {
  const line = `${JSON.stringify({ command, ...requested })}\n`;
  const body = stdin === undefined || typeof stdin === 'string' ? line + (stdin ?? '') : behind(line, stdin);
  const init = { method: 'POST', ...(await toRequestInit(body)), ...(signal && { signal }) };
  const response = await server.request(`/streams/sessions/${sessionId}/exec`, init);
  for await (const { channel, payload } of parseStreamFrames(readChunks(response.body))) {
    if (channel === 'output') await onBytes('stdout', payload);
    if (channel === 'errors') await onBytes('stderr', payload);
    if (channel === 'end') return parseEndFrame(payload, server.address);
  }
  throw createCutOffError(server.address);
}

export const createCutOffError = (address: string): CorralError =>
  new CorralError('unreachable', `The connection to ${address} was lost before the output ended.`, {
    address,
    retryable: true,
  });

export function parseEndFrame<Outcome>(payload: Uint8Array, address: string): Outcome {
  const reply = JSON.parse(new TextDecoder().decode(payload)) as Outcome & {
    readonly error?: {
      readonly code: CorralErrorCode;
      readonly message: string;
      readonly retryable: boolean;
      readonly docs?: string;
    };
  };
  if (reply.error) throw createServerError(reply.error.code, reply.error.message, { ...reply.error, address });
  return reply;
}

async function* behind(line: string, input: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(line);
  if (input instanceof Uint8Array) yield input;
  else yield* input;
}

function keptText(received: ExecOptions['onStdout'], most: number) {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  return {
    async add(bytes: Uint8Array) {
      const piece = decoder.decode(bytes, { stream: true });
      length += piece.length;
      if (text.length < most) text += piece.slice(0, most - text.length);
      if (piece !== '') await received?.(piece);
    },
    text: () => text,
    isCut: () => length > text.length,
  };
}
