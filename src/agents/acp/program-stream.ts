import type { AnyMessage, Stream } from '@agentclientprotocol/sdk';
import { AppError, ignoreNotFound } from '../../core/errors/errors.ts';
import { createBoundedTextDecoder } from '../../core/text/arriving-text.ts';
import { parseJson } from '../../core/text/json.ts';
import { truncateStart } from '../../core/text/text.ts';
import type { ProgramClient, ProgramSpec } from '../../sandboxes/client/client.ts';
import { createLineSplitter, maxLineBytes, type ParsedLine } from '../mcp/lines.ts';

export interface ProgramStream {
  readonly stream: Stream;
  /** Resolves with the reason why the program has ended or must end. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
}
const limits = { maxBytes: maxLineBytes, maxDepth: 100, maxValues: 200_000 };
const maxJunk = 10_000;
const errorsChars = 1_000;
const endMs = 10_000;

/** Reads one JSON message per line. Waits for `room` after each chunk, as backpressure. */
export async function openProgramStream(
  programs: ProgramClient,
  program: ProgramSpec,
  { room, signal }: { readonly room: () => Promise<void>; readonly signal: AbortSignal },
): Promise<ProgramStream> {
  // Close a program of an earlier server process: it may be in the middle of a conversation.
  await programs.close(program.id, signal).catch(ignoreNotFound);
  await programs.open(program, signal);
  const ended = Promise.withResolvers<string>();
  const split = createLineSplitter();
  const errors = createBoundedTextDecoder(errorsChars, truncateStart);
  let junk = 0;
  let input: ReadableStreamDefaultController<AnyMessage> | undefined;
  const readable = new ReadableStream<AnyMessage>({
    start(controller) {
      input = controller;
    },
  });
  const end = (why: string) => {
    ended.resolve(why);
    try {
      input?.close();
    } catch {}
    input = undefined;
  };
  const hear = (line: ParsedLine) => {
    const message = line.kind === 'line' ? messageIn(line.text) : undefined;
    if (message) input?.enqueue(message);
    else if (line.kind === 'too_long') end('it sent a message larger than 4 MiB');
    else if (++junk >= maxJunk) end(`it sent ${maxJunk} lines that are not messages`);
  };
  const pipes = await programs.attach(
    program.id,
    {
      onOutput: async (chunk) => {
        for (const line of split(chunk)) hear(line);
        await new Promise(setImmediate);
        await room();
      },
      onErrors: errors.add,
    },
    signal,
  );
  void pipes.ended.then(
    ({ exitCode }) =>
      end(`it ended with exit code ${exitCode}${errors.text() && `, after it printed: ${errors.text()}`}`),
    (thrown) => end(thrown instanceof AppError ? thrown.publicMessage : 'its connection was interrupted'),
  );
  const writable = new WritableStream<AnyMessage>({
    write: (message) => pipes.write(Buffer.from(`${JSON.stringify(message)}\n`)),
  });
  return {
    stream: { readable, writable },
    ended: ended.promise,
    async close() {
      end('it was ended');
      pipes.detach();
      await programs.close(program.id, AbortSignal.timeout(endMs)).catch(() => {});
    },
  };
}

/** Agents also print other text, but only JSON objects can be messages. */
function messageIn(text: string): AnyMessage | undefined {
  if (!text.startsWith('{')) return undefined;
  const message = parseJson(text, limits);
  return message.ok ? (message.value as AnyMessage) : undefined;
}
