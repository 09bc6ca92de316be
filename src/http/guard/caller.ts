import { AsyncLocalStorage } from 'node:async_hooks';
import { nobodyPrincipal, type Principal } from '../../core/model/principal.ts';

// AsyncLocalStorage, because a route could forget to pass the caller. Without a caller, everything is denied, unless
// the server has no keys.

interface Caller {
  readonly principal: Principal;
  readonly address: string | undefined;
  readonly request: string | undefined;
}
const current = new AsyncLocalStorage<Caller>();

export const getCurrentPrincipal = (lost: Principal = nobodyPrincipal): Principal =>
  current.getStore()?.principal ?? lost;
export const getCurrentRequestInfo = (): Partial<Pick<Caller, 'address' | 'request'>> => current.getStore() ?? {};

export const runAsCaller = <Result>(caller: Caller, work: () => Result): Result => current.run(caller, work);

export function bindCaller<Args extends unknown[], Result>(work: (...args: Args) => Result): (...args: Args) => Result {
  const caller = current.getStore() ?? { principal: nobodyPrincipal, address: undefined, request: undefined };
  return (...args) => current.run(caller, work, ...args);
}
