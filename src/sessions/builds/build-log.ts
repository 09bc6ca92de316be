import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerPart } from '../../core/contracts/server-parts.ts';
import { buildLogKind } from '../../core/model/records.ts';
import type { BuildLogEntry } from '../../core/model/sandboxes/built-template.ts';
import { truncateEnd } from '../../core/text/text.ts';

const maxEntries = 5_000;
const maxText = 2_000;
const maxTexts = 1_048_576;
const keptEveryMs = 2_000;

interface Deps {
  readonly buildId: string;
  readonly records: Pick<RecordStore, 'put'>;
  readonly clock: Clock;
}

/**
 * The log of a build running on this server. Its record in the store is updated with a delay, for readers on other servers and
 * after a restart.
 */
export class BuildLogWriter extends ServerPart<Deps> {
  readonly entries: BuildLogEntry[] = [];
  readonly #rest = new Map<string, string>();
  #left = maxTexts;
  #isFull = false;
  #keptAt = 0;

  /** `error` entries report how the build ended, so they are added even to a full log. */
  write(level: BuildLogEntry['level'], text: string, step?: string): void {
    const shown = truncateEnd(text, maxText);
    const at = this.deps.clock.now();
    if (level !== 'error' && (this.#isFull || this.entries.length >= maxEntries || this.#left < shown.length)) {
      if (this.#isFull) return;
      this.#isFull = true;
      this.entries.push({ at, level: 'warn', text: 'The log is too long; the rest of the output is not kept.' });
      return;
    }
    this.#left -= shown.length;
    this.entries.push({ at, level, text: shown, ...(step !== undefined && { step }) });
  }

  listen(step: string): (text: string) => void {
    return (text) => {
      const lines = `${this.#rest.get(step) ?? ''}${text}`.split(/\r\n|\n|\r/);
      const rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') this.write('info', line, step);
      // Limits the length of an unterminated line.
      if (rest.length <= maxText) return void this.#rest.set(step, rest);
      this.write('info', rest, step);
      this.#rest.set(step, '');
    };
  }

  flush(): void {
    for (const [step, rest] of this.#rest) if (rest !== '') this.write('info', rest, step);
    this.#rest.clear();
  }

  async keepNow(): Promise<void> {
    if (this.deps.clock.now() - this.#keptAt >= keptEveryMs) await this.keep();
  }

  async keep(): Promise<void> {
    const { records, buildId, clock } = this.deps;
    this.#keptAt = clock.now();
    await records.put({ kind: buildLogKind, id: buildId, doc: { entries: this.entries } });
  }
}
