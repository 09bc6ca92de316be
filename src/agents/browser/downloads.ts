import type { CDPSession } from 'playwright-core';
import { sleep } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { toDisplayName } from '../../core/text/file-names.ts';
import { type BrowserEventNotes, clipText } from './event-notes.ts';

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
const maxKnown = 100;
const waitMs = 2_000;
const lookMs = 50;

interface Options {
  readonly control: CDPSession;
  readonly folder: string;
  readonly maxBytes: number;
  readonly notes: BrowserEventNotes;
  readonly clock: Clock;
}

export class DownloadSaver {
  readonly #options: Options;
  readonly #open = new Map<string, string>();
  #begun = false;

  constructor(options: Options) {
    this.#options = options;
    const { control } = options;
    control.on('Browser.downloadWillBegin', ({ guid, suggestedFilename }) => this.#begin(guid, suggestedFilename));
    control.on('Browser.downloadProgress', (progress) => this.#progress(progress));
  }

  async start(): Promise<void> {
    const { control, folder } = this.#options;
    await control.send('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: folder,
      eventsEnabled: true,
    });
  }

  /** Waits up to 2 s for downloads, so that small ones are reported. `expected`: a download is about to start. */
  async settle(signal: AbortSignal, expected: boolean): Promise<void> {
    const { clock } = this.#options;
    const until = clock.now() + waitMs;
    const waits = () => this.#open.size > 0 || (expected && !this.#begun);
    while (waits() && clock.now() < until) await sleep(lookMs, signal, clock);
    this.#begun = false;
  }

  #begin(guid: string, suggested: string): void {
    const name = clipText(toDisplayName(suggested), 120);
    if (this.#open.size >= maxKnown) this.#open.clear();
    this.#open.set(guid, name);
    this.#begun = true;
    this.#options.notes.add(`A download began: ${name}, into ${this.#options.folder}.`);
  }

  #progress({ guid, totalBytes, receivedBytes, state, filePath }: Progress): void {
    const name = this.#open.get(guid);
    if (name === undefined) return;
    const { control, maxBytes, notes } = this.#options;
    if (state === 'completed') {
      this.#open.delete(guid);
      notes.add(
        `The download is complete: ${filePath === undefined ? name : toDisplayName(filePath)} (${receivedBytes} bytes).`,
      );
    } else if (state === 'canceled') {
      this.#open.delete(guid);
      notes.add(`The download of ${name} was interrupted.`);
    } else if (Math.max(totalBytes, receivedBytes) > maxBytes) {
      this.#open.delete(guid);
      notes.add(`The download of ${name} was stopped: it exceeds the limit of ${mebibytes(maxBytes)}.`);
      control.send('Browser.cancelDownload', { guid }).catch(() => {});
    }
  }
}
interface Progress {
  readonly guid: string;
  readonly totalBytes: number;
  readonly receivedBytes: number;
  readonly state: string;
  readonly filePath?: string;
}
