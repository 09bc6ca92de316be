import { setTimeout as pause } from 'node:timers/promises';
import type { ProgramMethods } from '../calls/child-process.ts';
import { type ApiName, openSessionApi } from './session-api.ts';

// Sessions that work without pause, each watched by one client: a command prints a line every 100 ms, and the next
// message follows as soon as the run ends. After `runsEach` runs, a new session replaces the old one, because an
// endless conversation grows in memory. The printer `perl` prints all lines of a run with one program; a shell starts a
// `sleep` for each line, which outweighs all other work. Fake sandboxes support only the shell.

interface Argument {
  readonly url: string;
  readonly active: number;
  readonly printer: 'shell' | 'perl';
  /** Default: Corral's own API. */
  readonly api?: ApiName;
}
export interface SessionProgress {
  /** Bytes received by each session's client. */
  readonly heard: readonly number[];
  readonly runs: number;
  readonly failed: readonly string[];
}
const lines = 20;
const rest = '.'.repeat(80);
const work = {
  shell: Array.from({ length: lines }, (_, n) => `echo line ${n} ${rest}\nsleep 0.1`).join('\n'),
  perl: `perl -e '$| = 1; for (0..${lines - 1}) { print "line $_ ${rest}\\n"; select(undef, undef, undef, 0.1) }'`,
};
const atOnce = 4;
const runsEach = 20;

export async function open(
  { url, active, printer, api: name = 'corral' }: Argument,
  stack: AsyncDisposableStack,
): Promise<ProgramMethods> {
  const api = await openSessionApi(name, url);
  const received = Array.from({ length: active }, () => 0);
  const failed: string[] = [];
  const ids = new Set<string>();
  const running: Promise<void>[] = [];
  let [runs, isOver] = [0, false];

  async function create(): Promise<string> {
    const id = await api.create();
    ids.add(id);
    return id;
  }
  const chat = (id: string, command: string, report: (chunk: string) => void) =>
    api.chat(id, `Work\n\`\`\`sh\n${command}\n\`\`\``, report);

  async function works(first: string, n: number): Promise<void> {
    let id = first;
    let left = runsEach - (n % runsEach); // so that the sessions do not all end together
    while (!isOver) {
      try {
        if (left-- === 0) {
          const before = id;
          id = await create();
          left = runsEach - 1;
          await api.remove(before);
          ids.delete(before);
        }
        await chat(id, work[printer], (chunk) => {
          received[n] = (received[n] ?? 0) + chunk.length;
        });
        runs++;
      } catch (thrown) {
        if (isOver) return;
        if (failed.length < 100) failed.push(String(thrown));
        await pause(200);
      }
    }
  }

  stack.defer(async () => {
    isOver = true;
    api[Symbol.dispose]();
    await Promise.all(running);
    using last = await openSessionApi(name, url);
    // A server that stops keeps its sandboxes, so the sessions are deleted first.
    await Promise.all([...ids].map((id) => last.remove(id).catch(() => {})));
  });
  return {
    async begin() {
      for (let n = 0; n < active; n += atOnce) {
        const some = await Promise.all(Array.from({ length: Math.min(atOnce, active - n) }, create));
        await Promise.all(some.map((id) => chat(id, 'echo done', () => {})));
        for (const id of some) running.push(works(id, running.length));
      }
    },
    progress: (): SessionProgress => ({ heard: [...received], runs, failed: failed.splice(0) }),
  };
}
