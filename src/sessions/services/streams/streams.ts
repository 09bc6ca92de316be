import { posix } from 'node:path';
import { combineSignals } from '../../../core/concurrency/cancel.ts';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import type { IdSource, SessionId } from '../../../core/model/ids.ts';
import { createBoundedTextDecoder } from '../../../core/text/arriving-text.ts';
import type { FileStream, StreamedCommand, StreamService } from '../../api/streams.ts';
import type { SandboxAccess } from '../../engine/sandbox/sandbox-access.ts';
import type { SandboxLease } from '../../run/run-context.ts';
import {
  createTransferHeaderReader,
  maxFileVersionChars,
  missingSizeError,
  parseFileVersion,
  type TransferHeader,
} from './header-reader.ts';
import { BackpressureStream, emptyInput, runProgramOverPipes } from './piped-command.ts';

// $1 is the path, $2 the workspace. A version consists of size and modification time.

const exits = { missing: 44, outside: 45, unfit: 46, full: 47, changed: 48 } as const;

/** Prints the size and version on one line, then the bytes from offset $3, at most $4 of them if $4 is not empty. */
export const fileSendScript = `
root=$(readlink -f -- "$2")
file=$(readlink -f -- "$1") && [ -e "$file" ] || exit ${exits.missing}
case "$file/" in "$root"/*) ;; *) exit ${exits.outside} ;; esac
[ -f "$file" ] || exit ${exits.unfit}
exec 3<"$file" || exit ${exits.missing}
heading=$(stat -L -c '%s %s-%.9Y' /proc/self/fd/3) || exit 1
size=\${heading%% *}
from=$3
count=$((size > from ? size - from : 0))
[ -z "$4" ] || [ "$4" -ge "$count" ] || count=$4
echo "$heading"
[ "$count" -gt 0 ] || exit 0
exec dd bs=262144 iflag=skip_bytes,count_bytes,fullblock skip="$from" count="$count" status=none <&3
`;

/**
 * An interrupted upload leaves the old file intact. $3: the required version, `none` for a new file, or empty for any
 * version. Prints the new version, which always differs from the old one.
 */
export const receiveFileScript = `
root=$(readlink -f -- "$2")
case "$1" in */ | */. | */..) exit ${exits.unfit} ;; esac
file=$(readlink -m -- "$1") || exit 1
case "$file" in "$root"/*) ;; *) exit ${exits.outside} ;; esac
[ ! -d "$file" ] || exit ${exits.unfit}
folder=$(dirname -- "$file")
mkdir -p -- "$folder" || exit ${exits.unfit}
part="$file.$$.part"
trap 'rm -f -- "$part"' EXIT
trap 'exit 143' TERM INT HUP
cat >"$part" || exit ${exits.full}
[ ! -e "$file" ] || chmod --reference="$file" -- "$part" 2>/dev/null
version() { stat -L -c '%s-%.9Y' -- "$1" 2>/dev/null || echo none; }
exec 9<"$folder" && flock 9 || exit 1
now=$(version "$file")
[ -z "$3" ] || [ "$3" = "$now" ] || exit ${exits.changed}
while [ "$now" = "$(version "$part")" ]; do touch -- "$part"; done
mv -f -- "$part" "$file" && version "$file"
`;

export function toTransferError(exitCode: number, errors: string): AppError {
  switch (exitCode) {
    case exits.missing:
      return new AppError('file_not_found', 'There is no such file.');
    case exits.outside:
      return new AppError('path_outside', 'That path is outside of the workspace.');
    case exits.unfit:
      return new AppError('invalid_request', 'That path is not a file.');
    case exits.changed:
      return new AppError('file_changed', 'The file has changed since you opened it. Open it again to see the change.');
    case exits.full:
      return new AppError('disk_full', `The sandbox cannot write the file: ${errors || 'its disk may be full'}.`);
    default:
      return new AppError('sandbox_lost', `The transfer ended early (${exitCode})${errors && `: ${errors}`}.`);
  }
}

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly ids: Pick<IdSource, 'short'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}
const timedOutCode = 124;
const errorsChars = 2_000;
const closeMs = 10_000;

/** Transfers files with scripts if the daemon is too old to support file streams. */
export function createStreamService({ sandboxes, ids, known }: Deps): StreamService {
  const nameOf = (what: string) => `${what}-${ids.short()}`;

  async function used(id: SessionId, path: string | undefined, signal: AbortSignal): Promise<SandboxLease> {
    await known(id);
    if (path?.includes('\0')) throw new AppError('invalid_request', 'A path cannot contain NUL.');
    return await sandboxes.use(id, signal);
  }

  return {
    async run(id, command, pipes, signal) {
      await using sandbox = await used(id, command.cwd, signal);
      const expiry = command.timeoutMs === undefined ? undefined : AbortSignal.timeout(command.timeoutMs);
      const until = expiry ? combineSignals([signal, expiry]) : signal;
      let hasStarted = false;
      const onStart = () => {
        hasStarted = true;
        pipes.onStart?.();
      };
      try {
        const program = { id: nameOf('exec'), ...programOf(command) };
        return {
          ...(await runProgramOverPipes(sandbox.client, program, { ...pipes, onStart }, until)),
          timedOut: false,
        };
      } catch (thrown) {
        if (hasStarted && expiry?.aborted && !signal.aborted) return { exitCode: timedOutCode, timedOut: true };
        throw thrown;
      }
    },

    async watch(id, { path, recursive }, { onStart, onChange }, signal) {
      await using sandbox = await used(id, path, signal);
      const { watches, workdir } = sandbox.client;
      const folder = posix.resolve(workdir, path);
      if (folder !== workdir && !folder.startsWith(`${workdir}/`)) {
        throw new AppError('path_outside', 'That path is outside of the workspace.');
      }
      const opened = await watches.open({ path: folder, recursive }, signal);
      try {
        onStart();
        await watches.follow(opened.id, ({ type, name }) => onChange({ type, name }), signal);
      } finally {
        await watches.close(opened.id, AbortSignal.timeout(closeMs)).catch(() => {}); // the sandbox may be gone
      }
    },

    async download(id, { path, from = 0, length }, signal) {
      await using stack = new AsyncDisposableStack();
      const { client } = stack.use(await used(id, path, signal));
      const content = new BackpressureStream();
      const left = new AbortController();
      content.once('close', () => left.abort());
      const opened = Promise.withResolvers<TransferHeader>();
      const errors = createBoundedTextDecoder(errorsChars);
      const heading = createTransferHeaderReader(opened.resolve);
      const onOutput = async (bytes: Uint8Array) => {
        const rest = heading(bytes);
        if (rest.length > 0) await content.carry(rest);
      };
      const until = combineSignals([signal, left.signal]);
      const byScript = async () => {
        const part = [String(from), length === undefined ? '' : String(length)];
        const program = { id: nameOf('read'), argv: ['sh', '-c', fileSendScript, 'sh', path, client.workdir, ...part] };
        const pipes = { input: emptyInput(), onOutput, onErrors: errors.add };
        const { exitCode } = await runProgramOverPipes(client, program, pipes, until);
        if (exitCode !== 0) throw toTransferError(exitCode, errors.text());
      };
      const byDaemon = async () => {
        const part = { from, ...(length !== undefined && { most: length }) };
        const file = await client.transfers.open(path, part, until);
        for await (const bytes of file.content) await onOutput(bytes);
      };
      const held = stack.move();
      const send = async () => ((await client.transfers.areSupported(until)) ? await byDaemon() : await byScript());
      const done = send()
        .then(() => {
          opened.reject(missingSizeError()); // no effect once `opened` has resolved
          content.push(null);
        })
        .finally(() => held.disposeAsync());
      done.catch((thrown: Error) => {
        opened.reject(thrown);
        content.destroy(thrown);
      });
      content.on('error', () => {}); // a failure before the content is read is reported by `opened`
      return { ...(await opened.promise), content } satisfies FileStream;
    },

    async upload(id, { path, replaces }, content, signal) {
      await using sandbox = await used(id, path, signal);
      const { client } = sandbox;
      const errors = createBoundedTextDecoder(errorsChars);
      const version = createBoundedTextDecoder(maxFileVersionChars);
      let size = 0;
      const counted = (async function* () {
        for await (const piece of content) {
          size += piece.length;
          yield piece;
        }
      })();
      const only = replaces === null ? 'none' : replaces;
      if (await client.transfers.areSupported(signal)) {
        const condition = only === undefined ? {} : { replaces: only };
        const written = await client.transfers.write(path, counted, condition, signal).catch(asDiskFull);
        return { size, version: parseFileVersion(written.version) };
      }
      const argv = ['sh', '-c', receiveFileScript, 'sh', path, client.workdir, only ?? ''];
      const program = { id: nameOf('write'), argv };
      const pipes = { input: counted, onOutput: version.add, onErrors: errors.add };
      const { exitCode } = await runProgramOverPipes(client, program, pipes, signal);
      if (exitCode !== 0) throw toTransferError(exitCode, errors.text());
      return { size, version: parseFileVersion(version.text()) };
    },
  };
}

const programOf = ({ command, cwd, env = {} }: StreamedCommand) => ({
  argv: ['bash', '-c', command],
  ...(cwd !== undefined && { cwd }),
  env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
});

function asDiskFull(thrown: unknown): never {
  const error = toAppError(thrown);
  if (error.code !== 'quota') throw error;
  throw new AppError('disk_full', `The sandbox cannot write the file: ${error.message}`, { cause: error });
}
