import { createTimeoutSignal, raceAbort } from '../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { trimEndCharacters } from '../../../core/text/text.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

export const workspaceNoteFileNames: readonly string[] = ['AGENTS.md', 'CLAUDE.md'];
const maxFolders = 10;
const maxFileBytes = 16 * 1024;
const waitMs = 2_000;
/** Permanent read errors, which are not worth a retry in the same run. */
const final: readonly string[] = ['file_not_found', 'path_outside', 'invalid_request', 'payload_too_large'];

interface Reader {
  readonly client: Pick<SandboxClient, 'readFile'>;
  readonly clock: Clock;
  /** In tokens. Notes use at most about a tenth of the window. */
  readonly window: number;
  readonly folders?: readonly string[];
}

/** Reads the notes once per run. `run`: any object that lives as long as the run. */
export class WorkspaceNotes {
  readonly #read = new WeakMap<object, string | undefined>();
  readonly #reading = new WeakMap<object, Promise<void>>();

  /** Undefined if there are no readable notes yet. Rejects only when the signal fires. */
  async of(run: object, reader: Reader | undefined, signal: AbortSignal): Promise<string | undefined> {
    if (reader) await raceAbort(this.begin(run, reader), signal);
    return this.#read.get(run);
  }

  begin(run: object, reader: Reader): Promise<void> {
    const known = this.#read.has(run) ? Promise.resolve() : this.#reading.get(run);
    if (known) return known;
    const reading = this.#take(run, reader).finally(() => this.#reading.delete(run));
    this.#reading.set(run, reading);
    return reading;
  }

  async #take(run: object, { client, clock, window, folders = [] }: Reader): Promise<void> {
    const most = Math.min(maxFileBytes, Math.floor(window * 0.3));
    using until = createTimeoutSignal(waitMs, clock);
    const found: { readonly path: string; readonly text: string }[] = [];
    let left = most;
    try {
      for (const folder of ['', ...folders.slice(0, maxFolders).map((one) => `${one}/`)]) {
        for (const name of workspaceNoteFileNames) {
          if (left <= 0) break;
          const path = `${folder}${name}`;
          const bytes = await client.readFile(path, until.signal, { maxBytes: left + 1 }).catch(ignoreUnreadableFile);
          const text = bytes && sanitizePromptFile(bytes, left);
          // Projects that support several agents often have the same text in both files.
          if (!text || found.some((one) => one.text === text)) continue;
          found.push({ path, text });
          left -= bytes.length;
        }
      }
      this.#read.set(run, joined(found));
    } catch (thrown) {
      if (!(thrown instanceof AppError) && !until.signal.aborted) throw thrown;
    }
  }
}

export function ignoreUnreadableFile(thrown: unknown): undefined {
  if (!(thrown instanceof AppError && final.includes(thrown.code))) throw thrown;
}

function joined(found: readonly { readonly path: string; readonly text: string }[]): string | undefined {
  const [first] = found;
  if (found.length === 1 && first?.path === workspaceNoteFileNames[0]) return first?.text;
  return found.length === 0 ? undefined : found.map(({ path, text }) => `## ${path}\n\n${text}`).join('\n\n');
}

// Control characters, direction marks, joiners, and Unicode tags: visible to models, not to people.
const unseen = /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/gu;

/** Removes invisible characters and escapes tags that could close the enclosing element. */
export function sanitizePromptFile(bytes: Uint8Array, most: number): string | undefined {
  const whole = new TextDecoder().decode(bytes.subarray(0, most));
  const isCut = bytes.length > most;
  const text = (isCut ? trimEndCharacters(whole, '\ufffd') : whole)
    .replace(unseen, (char) => (char === '\n' || char === '\t' ? char : ''))
    .replace(/<(?=\s*(?:\/\s*)?workspace-notes)/gi, '&lt;')
    .trim();
  if (text === '') return undefined;
  return isCut ? `${text}\n[The rest of the file is left out here.]` : text;
}
