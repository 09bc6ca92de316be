const againMs = 250;
const maxTries = 40;

interface Deps {
  /** Rejects with CallError. */
  readonly send: (text: string) => Promise<unknown>;
  /** Whether a command that could read the keys has been announced or is running. */
  readonly hasCommand: () => boolean;
}

/** Sends keys in order. Keys typed during a request are sent together in the next one. */
export class ShellInputQueue {
  readonly #deps: Deps;
  #waiting = '';
  #sending: Promise<void> | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Resolves when all keys typed so far are delivered. Rejects with CallError and drops unsent keys on failure. */
  async type(text: string): Promise<void> {
    this.#waiting += text;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#waiting !== '') {
        const text = this.#waiting;
        this.#waiting = '';
        await this.#patiently(text);
      }
    } finally {
      this.#waiting = '';
    }
  }

  /** Retries until an announced command has started, because input is rejected until then. */
  async #patiently(text: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return void (await this.#deps.send(text));
      } catch (thrown) {
        const isEarly = (thrown as { code?: string }).code === 'CONFLICT' && this.#deps.hasCommand();
        if (!isEarly || tries === maxTries) throw thrown;
        await new Promise((done) => setTimeout(done, againMs));
      }
    }
  }
}
