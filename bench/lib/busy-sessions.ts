import { setTimeout as pause } from 'node:timers/promises';
import type { Program } from './child-process.ts';
import { httpCalls, trpcData } from './http-calls.ts';

// Sessions that work without end, each with one client watching: a command that prints a line every 100 ms, and the next
// message as soon as the run ends. With `runsEach`, a session ends after so many runs and another takes its place: a
// conversation without end keeps what was said in memory, and grows. Meanwhile `starts` further sessions are created, used
// once and deleted, again and again. With `printer: 'perl'`, one program prints all lines of a run. A shell starts a `sleep`
// for each, and 500 of those a second would be more work than all the rest; but fake sandboxes know no other way.

interface Argument {
  readonly url: string;
  readonly active: number;
  readonly starts: number;
  readonly runsEach?: number;
  readonly printer?: 'shell' | 'perl';
}
export interface Progress {
  /** Bytes received by each active session's client. */
  readonly heard: readonly number[];
  readonly runs: number;
  readonly started: number;
  readonly failed: readonly string[];
}
const lines = 20;
const rest = '.'.repeat(80);
const work = {
  shell: Array.from({ length: lines }, (_, n) => `echo line ${n} ${rest}\nsleep 0.1`).join('\n'),
  perl: `perl -e '$| = 1; for (0..${lines - 1}) { print "line $_ ${rest}\\n"; select(undef, undef, undef, 0.1) }'`,
};
const brief = 'Work\n```sh\necho done\n```';
const atOnce = 4;

export async function open(argument: Argument): Promise<Program> {
  const { url, active, starts, runsEach = Number.POSITIVE_INFINITY, printer = 'shell' } = argument;
  const busy = `Work\n\`\`\`sh\n${work[printer]}\n\`\`\``;
  using stack = new DisposableStack();
  const calls = stack.use(httpCalls(url));
  const heard = Array.from({ length: active }, () => 0);
  const failed: string[] = [];
  let [runs, started, isOver] = [0, 0, false];

  const creating = new Set<Promise<unknown>>();
  async function create(): Promise<string> {
    const asked = calls.ask('/trpc/sessions.create', {});
    const settled = asked.catch(() => {}).finally(() => creating.delete(settled));
    creating.add(settled);
    return trpcData<{ id: string }>((await asked).text).id;
  }
  async function remove(id: string): Promise<void> {
    passing.add(id);
    await calls.ask('/trpc/sessions.delete', { id });
    passing.delete(id);
  }
  const chat = (id: string, message: string, told: (chunk: string) => void) =>
    calls.stream(`/api/v1/sessions/${id}/chat`, { message }, told);

  async function until(work: () => Promise<void>): Promise<void> {
    while (!isOver) {
      try {
        await work();
      } catch (thrown) {
        if (isOver) return;
        if (failed.length < 100) failed.push(String(thrown));
        await pause(200);
      }
    }
  }
  const works = (n: number) => {
    let left = runsEach - (n % runsEach || 0); // they do not all end together
    return until(async () => {
      if (left === 0) {
        const before = ids[n] as string;
        ids[n] = await create();
        left = runsEach;
        await remove(before);
      }
      left--;
      await chat(ids[n] as string, busy, (chunk) => {
        heard[n] = (heard[n] ?? 0) + chunk.length;
      });
      runs++;
    });
  };
  const comesAndGoes = () =>
    until(async () => {
      const id = await create();
      passing.add(id);
      await chat(id, brief, () => {}).finally(() => remove(id));
      started++;
    });

  const running: Promise<void>[] = [];
  const passing = new Set<string>();
  const ids: string[] = [];
  const owned = stack.move();
  return {
    methods: {
      /** Resolves when each active session has a sandbox. */
      async begin() {
        for (let n = 0; n < active; n += atOnce) {
          const some = await Promise.all(Array.from({ length: Math.min(atOnce, active - n) }, create));
          await Promise.all(some.map((id) => chat(id, brief, () => {})));
          for (const id of some) running.push(works(ids.push(id) - 1));
        }
        for (let n = 0; n < starts; n++) running.push(comesAndGoes());
      },
      progress: (): Progress => ({ heard: [...heard], runs, started, failed: failed.splice(0) }),
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      await Promise.all(creating); // a session whose creation is cut off would stay, and nothing here would know its id
      owned.dispose(); // ends the open connections
      await Promise.all(running);
      using last = httpCalls(url);
      // A server that stops keeps its sandboxes, so the sessions are deleted first.
      await Promise.all([...ids, ...passing].map((id) => last.ask('/trpc/sessions.delete', { id }).catch(() => {})));
    },
  };
}
