import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stripVTControlCharacters, styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  print(line: string): void;
  say(line: string): void;
  /** Returns the text unchanged unless the stream is a terminal that supports colours. */
  paint(stream: 'stdout' | 'stderr', style: Style, text: string): string;
  /** Whether the user can be prompted: stdin and stderr are terminals. */
  readonly canAsk: boolean;
  /** Whether stdin, stdout and stderr are terminals that can be redrawn. */
  readonly canDraw: boolean;
}

export function createProcessIo(
  signal: AbortSignal,
  from: Pick<Io, 'stdin' | 'stdout' | 'stderr' | 'env'> = process,
): Io {
  const { stdin, stdout, stderr, env } = from;
  const hasColour = (stream: NodeJS.WriteStream) =>
    stream.isTTY === true && env.TERM !== 'dumb' && (env.NO_COLOR === undefined || env.NO_COLOR === '');
  return {
    stdin,
    stdout,
    stderr,
    env,
    signal,
    print: (line) => void stdout.write(`${escapeControls(line, hasColour(stdout))}\n`),
    say: (line) => void stderr.write(`${escapeControls(line, hasColour(stderr))}\n`),
    paint: (stream, style, text) =>
      hasColour(stream === 'stdout' ? stdout : stderr) ? styleText(style, text, { validateStream: false }) : text,
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    canDraw: [stdin, stdout, stderr].every(({ isTTY }) => isTTY === true) && env.TERM !== 'dumb',
  };
}

const ownColours = new RegExp(`(${String.fromCharCode(27)}\\[(?:[012]|22|3[1-79]|9[0-7])m)`);
/** Keeps line breaks, tabs and, with `hasColour`, Corral's own colours. */
export function escapeControls(line: string, hasColour: boolean): string {
  const escaped = line.replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  const pieces = hasColour ? escaped.split(ownColours) : [escaped];
  return pieces
    .map((piece, at) => (at % 2 === 1 ? piece : stripVTControlCharacters(piece).replace(/(?![\n\t]|\r\n)\p{Cc}/gu, '')))
    .join('');
}

/** Removes control sequences and control characters from untrusted text, but keeps line breaks and tabs. */
export function toPrintable(text: string): string {
  const plain = stripVTControlCharacters(text).replaceAll('\r\n', '\n');
  return plain.replaceAll(/(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '');
}

export function toOneLine(text: string, most: number): string {
  const line = toPrintable(text).trim().split('\n', 1)[0] ?? '';
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** Undefined if there is no need to wait. Also resolves if the stream fails. */
export function writeWithBackpressure(stream: NodeJS.WritableStream, bytes: Uint8Array): Promise<void> | undefined {
  if (stream.write(bytes)) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) stream.removeListener(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.once(event, done);
  });
}

/** Writes the complete file or none at all. The name `-` means standard output. */
export async function saveToFile(file: string, body: Readable | ReadableStream<Uint8Array>, io: Io): Promise<void> {
  const content = body instanceof Readable ? body : Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  if (file === '-') {
    for await (const piece of content) await writeWithBackpressure(io.stdout, piece as Uint8Array);
    return;
  }
  const part = `${file}.${process.pid}.part`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await pipeline(content, createWriteStream(part), { signal: io.signal });
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}
