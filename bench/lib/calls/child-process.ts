import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { readServerCommand } from '../corral/server.ts';
import { measuredCheckout, thisCheckout } from '../measure/against.ts';

export type BenchProgram = (argument: never, stack: AsyncDisposableStack) => Promise<ProgramMethods>;
export type ProgramMethods = Readonly<Record<string, (input: never) => unknown>>;
export interface ProgramProcess extends AsyncDisposable {
  readonly pid: number;
  call<Value>(method: string, input?: unknown): Promise<Value>;
}
interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

const quiet = '--disable-warning=ExperimentalWarning';
const patienceMs = 10_000;

const isCorral = (program: string) => program.startsWith('corral-') || program === 'egress-proxy';

export async function startProgram(
  program: string,
  argument: unknown,
  flags: readonly string[] = [],
): Promise<ProgramProcess> {
  const own = isCorral(program) ? readServerCommand() : { flags: [quiet], env: {} };
  const parts =
    isCorral(program) && measuredCheckout() !== thisCheckout
      ? ['--import', join(thisCheckout, 'bench/lib/measure/other-tree.ts')]
      : [];
  const child = fork(join(thisCheckout, 'bench/child.ts'), [program, JSON.stringify(argument)], {
    execArgv: [...own.flags, ...parts, ...flags],
    env: { ...process.env, ...own.env, BENCH_TREE: measuredCheckout() },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const exit = once(child, 'exit').then(([code]) => {
    for (const { reject } of waiting.values()) reject(new Error(`the program ${program} ended with code ${code}`));
    waiting.clear();
  });
  child.on('message', ({ id, value, error }: Answer) => {
    const requested = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) requested?.resolve(value);
    else requested?.reject(new Error(error));
  });
  let count = 0;
  const expect = (id: number) => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    return answer.promise;
  };
  await expect(count);
  return {
    pid: child.pid as number,
    call(method, input) {
      if (child.exitCode !== null) return Promise.reject(new Error(`the program ${program} has ended`));
      const id = ++count;
      child.send({ id, method, input });
      return expect(id) as Promise<never>;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await exit;
      clearTimeout(late);
    },
  };
}
