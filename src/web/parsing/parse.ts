import { TaskQueue, type WorkerLike } from './queue.ts';

/** The address of the worker's script; the bundler writes it. */
declare const PARSER_ADDRESS: string;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** The page's content security policy knows this one policy, and it knows this one address. */
function trustedAddress(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy('corral-parser', { createScriptURL: () => PARSER_ADDRESS });
  return policy?.createScriptURL('') ?? PARSER_ADDRESS;
}

let address: string | undefined;
const queue = new TaskQueue({
  start() {
    address ??= trustedAddress();
    return new Worker(address, { type: 'module', name: 'parser' }) as WorkerLike;
  },
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
});

/** Loads the worker ahead of its first task. */
export const warmParser = (): void => queue.warm();

/** Does the work in the page's worker; see `TaskQueue.run`. */
export const parse: TaskQueue['run'] = (name, input, signal) => queue.run(name, input, signal);
