import { AppError } from '../../../core/errors.ts';
import type { IdSource, SessionId } from '../../../core/ids.ts';
import type { FileStream, StreamedCommand, StreamService } from '../../api/streams.ts';
import type { SandboxAccess } from '../../engine/sandbox/sandbox-access.ts';
import type { UsedSandbox } from '../../run/used-sandbox.ts';
import { PacedOutput } from './paced-output.ts';
import { runPiped } from './piped-command.ts';
import { receiveScript, scriptFailure, sendScript } from './transfer-scripts.ts';

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly ids: Pick<IdSource, 'short'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}
async function* noInput(): AsyncGenerator<Uint8Array> {}
const timedOutCode = 124;
const errorsChars = 2_000;

/** Commands and files of any size, as programs over pipes, so that every driver's sandboxes move them in the same way. */
export function streamService({ sandboxes, ids, known }: Deps): StreamService {
  const nameOf = (what: string) => `${what}-${ids.short()}`;

  async function used(id: SessionId, path: string | undefined, signal: AbortSignal): Promise<UsedSandbox> {
    await known(id);
    if (path?.includes('\0')) throw new AppError('invalid_request', 'A path cannot contain NUL.');
    return await sandboxes.use(id, signal);
  }

  return {
    async run(id, command, pipes, signal) {
      await using sandbox = await used(id, command.cwd, signal);
      const expiry = command.timeoutMs === undefined ? undefined : AbortSignal.timeout(command.timeoutMs);
      const until = expiry ? AbortSignal.any([signal, expiry]) : signal;
      try {
        const program = { id: nameOf('exec'), ...programOf(command) };
        return { ...(await runPiped(sandbox.client, program, pipes, until)), timedOut: false };
      } catch (thrown) {
        if (expiry?.aborted && !signal.aborted) return { exitCode: timedOutCode, timedOut: true };
        throw thrown;
      }
    },

    async download(id, path, signal) {
      await using stack = new AsyncDisposableStack();
      const { client } = stack.use(await used(id, path, signal));
      const content = new PacedOutput();
      const left = new AbortController();
      content.once('close', () => left.abort());
      const opened = Promise.withResolvers<number>();
      const errors = textOf(errorsChars);
      const program = { id: nameOf('read'), argv: ['sh', '-c', sendScript, 'sh', path, client.workdir] };
      const heading = headingReader(opened.resolve);
      const pipes = {
        input: noInput(),
        onOutput: async (bytes: Uint8Array) => {
          const rest = heading(bytes);
          if (rest.length > 0) await content.carry(rest);
        },
        onErrors: errors.add,
      };
      const held = stack.move();
      const done = runPiped(client, program, pipes, AbortSignal.any([signal, left.signal]))
        .then(({ exitCode }) => {
          if (exitCode !== 0) throw scriptFailure(exitCode, errors.text());
          content.push(null);
        })
        .finally(() => held.disposeAsync());
      done.catch((thrown: Error) => {
        opened.reject(thrown);
        content.destroy(thrown);
      });
      content.on('error', () => {}); // before anyone reads it, `opened` reports the failure
      return { size: await opened.promise, content } satisfies FileStream;
    },

    async upload(id, path, content, signal) {
      await using sandbox = await used(id, path, signal);
      const { client } = sandbox;
      const errors = textOf(errorsChars);
      let size = 0;
      const counted = (async function* () {
        for await (const piece of content) {
          size += piece.length;
          yield piece;
        }
      })();
      const program = { id: nameOf('write'), argv: ['sh', '-c', receiveScript, 'sh', path, client.workdir] };
      const pipes = { input: counted, onOutput: () => {}, onErrors: errors.add };
      const { exitCode } = await runPiped(client, program, pipes, signal);
      if (exitCode !== 0) throw scriptFailure(exitCode, errors.text());
      return { size };
    },
  };
}

const programOf = ({ command, cwd, env = {} }: StreamedCommand) => ({
  argv: ['bash', '-c', command],
  ...(cwd !== undefined && { cwd }),
  env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
});

/** The beginning of a text that arrives in pieces. */
function textOf(maxChars: number) {
  const decoder = new TextDecoder();
  let text = '';
  return {
    add: (bytes: Uint8Array) => {
      if (text.length < maxChars) text += decoder.decode(bytes, { stream: true });
    },
    text: () => text.trim().slice(0, maxChars),
  };
}

/** Reads the first line, which is the file's size, and returns the bytes behind it. */
function headingReader(found: (size: number) => void): (bytes: Uint8Array) => Uint8Array {
  let line = '';
  let isDone = false;
  return (bytes) => {
    if (isDone) return bytes;
    const end = bytes.indexOf(10);
    line += Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
    if (end < 0 && line.length < 20) return new Uint8Array();
    isDone = true;
    if (!/^\d{1,16}$/.test(line)) throw new AppError('sandbox_untrusted', 'The sandbox sent no size of the file.');
    found(Number(line));
    return bytes.subarray(end + 1);
  };
}
