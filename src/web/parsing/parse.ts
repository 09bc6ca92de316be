import { ParseTaskQueue, type WorkerLike } from './queue.ts';

/** Inserted by the bundler. */
declare const PARSER_ADDRESS: string;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** The page's policy allows only this Trusted Types policy, which creates only this address. */
function trustedAddress(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy('corral-parser', { createScriptURL: () => PARSER_ADDRESS });
  return policy?.createScriptURL('') ?? PARSER_ADDRESS;
}

let address: string | undefined;
const queue = new ParseTaskQueue({
  start() {
    address ??= trustedAddress();
    return new Worker(address, { type: 'module', name: 'parser' }) as WorkerLike;
  },
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
});

export const warmParser = (): void => queue.warm();

export const runParseTask: ParseTaskQueue['run'] = (name, input, signal) => queue.run(name, input, signal);
