import { type Box, type Corral, CorralError, type Event, type FileContent } from '../../client/index.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { parseApprovalAnswer } from '../../core/model/runs/approval-answer.ts';
import { appendBlock, applyEvent, type ChatBlock, type ChatView, emptyChatView } from './view.ts';

const shownBefore = 400;
const pageSize = 500;
const maxLookMs = 3_000;

export interface ChatTerminalOptions {
  readonly corral: Corral;
  readonly box: Box;
  readonly signal: AbortSignal;
  /** Shows events after this sequence number. Default: the newest few hundred events. */
  readonly after?: number;
  /** The session was created for this chat, which deletes it if it leaves it unused. */
  readonly isNew?: boolean;
}

export class ChatTerminal {
  readonly corral: Corral;
  readonly box: Box;
  /** Rejects if the session is deleted or the log is unreadable. */
  readonly ended: Promise<void>;
  #view: ChatView = emptyChatView;
  #files: Promise<readonly string[]> | undefined;
  #isUnused: boolean;
  readonly #left = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #eventListeners = new Set<(event: Event) => void>();

  constructor({ corral, box, signal, after, isNew = false }: ChatTerminalOptions) {
    this.corral = corral;
    this.box = box;
    this.#isUnused = isNew;
    this.ended = this.#follow(combineSignals([signal, this.#left.signal]), after);
    this.ended.catch((thrown: Error) => this.say('error', thrown.message));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };
  readonly view = (): ChatView => this.#view;

  onEvent(listener: (event: Event) => void): void {
    this.#eventListeners.add(listener);
  }

  say(kind: 'note' | 'warning' | 'error', text: string): void {
    if (this.#left.signal.aborted) return; // what leaving interrupts is no error
    this.show({ kind, text });
  }

  show(block: ChatBlock): void {
    this.#change(appendBlock(this.#view, block));
  }

  async send(text: string): Promise<void> {
    this.#isUnused = false;
    const known = new Set(text.includes('@') ? await this.files() : []);
    const named = [...text.matchAll(/(?:^|\s)@(\S+)/g)].map(([, path = '']) => path);
    await this.box.run(text, { attachments: named.filter((path) => known.has(path)) });
  }

  async decide(answer: string): Promise<void> {
    const [call] = this.#view.approvals;
    if (!call) return;
    const requested = { sessionId: this.box.id, callId: call.callId };
    const always = /^(a|always)$/i.test(answer);
    const decision = always ? 'approved' : parseApprovalAnswer(answer);
    if (decision === 'approved') {
      await this.corral.call((api) => api.runs.approve.mutate({ ...requested, always }));
    } else {
      const text = decision === 'rejected' || answer === '' ? {} : { text: answer };
      await this.corral.call((api) => api.runs.reject.mutate({ ...requested, ...text }));
    }
  }

  async exec(command: string): Promise<void> {
    this.#isUnused = false;
    const { exitCode, stdout, stderr } = await this.box.exec(command, { signal: this.#left.signal, keep: 200_000 });
    const about = exitCode === 0 ? '' : `exit ${exitCode}`;
    const done = { kind: 'call', title: `! ${command}`, output: stdout + stderr, change: undefined } as const;
    this.#files = undefined;
    this.show({ ...done, isDone: exitCode === 0, about });
  }

  async stop(): Promise<boolean> {
    return (await this.corral.call((api) => api.runs.stop.mutate({ sessionId: this.box.id }))).stopped;
  }

  /** Cached until the next tool call, command or end of a run. */
  files(): Promise<readonly string[]> {
    this.#files ??= this.#findFiles().catch(() => {
      this.#files = undefined;
      return [];
    });
    return this.#files;
  }

  async attach(name: string, content: FileContent): Promise<void> {
    this.#isUnused = false;
    await this.box.files.write(name, content);
  }

  /** Resolves with whether the session was deleted. It is kept if anything may be in it. */
  async leave(): Promise<boolean> {
    this.#left.abort();
    if (!this.#isUnused) return false;
    try {
      const { status } = await this.box.session();
      if (status !== 'pending' || (await this.#findFiles(AbortSignal.timeout(maxLookMs))).length > 0) return false;
      await this.box.remove();
      return true;
    } catch {
      return false;
    }
  }

  async #findFiles(signal?: AbortSignal): Promise<readonly string[]> {
    const request = { sessionId: this.box.id, pattern: '*' };
    const { matches } = await this.corral.call((api) => api.files.find.query(request, signal && { signal }));
    return matches
      .map((path) => path.replace(/^(\.\/|\/workspace\/)/, ''))
      .filter((path) => !path.startsWith('.corral/'));
  }

  async #follow(signal: AbortSignal, after: number | undefined): Promise<void> {
    const { lastSeq } = await this.box.session();
    let seq = after ?? Math.max(0, lastSeq - shownBefore);
    while (seq < lastSeq) {
      const { events } = await this.corral.call((api) =>
        api.events.list.query({ sessionId: this.box.id, afterSeq: seq, limit: pageSize }),
      );
      if (events.length === 0) break;
      this.#take(events);
      seq = events.at(-1)?.seq ?? lastSeq;
    }
    const events = this.box.events(seq);
    signal.addEventListener('abort', () => void events.return(), { once: true });
    if (signal.aborted) return;
    for await (const event of events) this.#take([event]);
    if (!signal.aborted) throw new CorralError('session_not_found', 'The session was deleted.', { address: '' });
  }

  #take(events: readonly Event[]): void {
    let view = this.#view;
    for (const event of events) {
      view = applyEvent(view, event);
      if (event.type === 'run.end' || event.type === 'tool.called') this.#files = undefined;
    }
    this.#change(view);
    for (const event of events) for (const listener of this.#eventListeners) listener(event);
  }

  #change(view: ChatView): void {
    this.#view = view;
    for (const listener of this.#listeners) listener();
  }
}
