import { Duplex, type Readable, type Writable } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';

export interface BrowserPipe {
  answers(): Promise<boolean>;
  /** Disconnects the previous client. `used` is called whenever the new client writes. */
  open(used: () => void): Promise<Duplex>;
  close(): void;
}

/** Ids of the daemon's own requests begin here. Clients count up from 1. */
const firstId = 2_000_000_000;
const headBytes = 160;
const attached = /^\{"method":"Target\.(attachedToTarget|detachedFromTarget)","params":\{"sessionId":"([^"]+)"/;

/** When a client disconnects, detaches from all targets, so that no tab waits for a debugger. */
export function createBrowserPipe(input: Writable, output: Readable): BrowserPipe {
  let client: Duplex | undefined;
  let clean: Promise<void> = Promise.resolve();
  let isMidway = false; // the client has written only part of a message
  let nextId = firstId;
  const sessions = new Set<string>();
  const requests = new Map<number, (isAnswered: boolean) => void>();

  const listener = messages((head) => {
    const [, kind, session] = attached.exec(head) ?? [];
    if (session) kind === 'attachedToTarget' ? sessions.add(session) : sessions.delete(session);
    const id = Number(/^\{"id":(2\d{9}),/.exec(head)?.[1]);
    requests.get(id)?.(true);
    requests.delete(id);
  });
  output.on('data', (chunk: Buffer) => {
    listener(chunk);
    if (client && !client.push(chunk)) output.pause();
  });
  output.on('error', () => {});
  output.once('close', () => {
    client?.destroy();
    for (const answer of requests.values()) answer(false);
    requests.clear();
  });
  input.on('error', () => {});

  function ask(method: string, params: object = {}): Promise<boolean> {
    const id = nextId++;
    if (output.destroyed) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    requests.set(id, resolve);
    input.write(`${JSON.stringify({ id, method, params })}\0`);
    return promise;
  }

  async function letGo(): Promise<void> {
    if (isMidway) input.write('\0');
    isMidway = false;
    const questions = [
      ask('Target.setAutoAttach', { autoAttach: false, waitForDebuggerOnStart: false, flatten: true }),
      ask('Target.setDiscoverTargets', { discover: false }),
      ask('Browser.setDownloadBehavior', { behavior: 'default' }),
      ...[...sessions].map((sessionId) => ask('Target.detachFromTarget', { sessionId })),
    ];
    await Promise.all(questions);
    sessions.clear();
  }

  function dismiss(gone: Duplex): void {
    if (client !== gone) return;
    client = undefined;
    output.resume();
    clean = letGo();
  }

  function stream(used: () => void): Duplex {
    const created: Duplex = new Duplex({
      read: () => void output.resume(),
      write(chunk: Buffer, _encoding, done) {
        if (client !== created) return done();
        used();
        isMidway = chunk.at(-1) !== 0;
        if (input.write(chunk)) done();
        else input.once('drain', done);
      },
      final: (done) => {
        created.destroy();
        done();
      },
      destroy(error, done) {
        dismiss(created);
        done(error);
      },
    });
    created.on('error', () => {});
    return created;
  }

  return {
    answers: () => ask('Browser.getVersion'),
    async open(used) {
      client?.destroy();
      await clean;
      client?.destroy();
      await clean;
      if (output.destroyed) throw new AppError('sandbox_unavailable', 'The browser is gone.');
      client = stream(used);
      return client;
    },
    close() {
      client?.destroy();
      input.destroy();
      output.destroy();
    },
  };
}

/** Calls `each` with the beginning of every message, even if the message spans several chunks. */
function messages(each: (head: string) => void): (chunk: Buffer) => void {
  let head: Buffer[] = [];
  let size = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      const zero = chunk.indexOf(0, at);
      const end = zero < 0 ? chunk.length : zero;
      if (size < headBytes && end > at) {
        // copy: the chunk itself is passed on to the client
        const part = Buffer.from(chunk.subarray(at, Math.min(end, at + headBytes - size)));
        head.push(part);
        size += part.length;
      }
      if (zero >= 0) {
        each(Buffer.concat(head).toString('latin1'));
        head = [];
        size = 0;
      }
      at = end + 1;
    }
  };
}
