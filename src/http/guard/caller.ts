import { AsyncLocalStorage } from 'node:async_hooks';
import { type Actor, nobody } from '../../core/model/actor.ts';

// The caller becomes known where a request arrives and is needed where services are called. An AsyncLocalStorage carries it,
// because a parameter through every route could be forgotten. No caller: deny everything, except on servers without keys,
// where everyone admitted may do everything.

interface Caller {
  readonly actor: Actor;
  readonly address: string | undefined;
  /** The id of the request. */
  readonly request: string | undefined;
}
const current = new AsyncLocalStorage<Caller>();

export const callingActor = (lost: Actor = nobody): Actor => current.getStore()?.actor ?? lost;
/** Empty when the caller is unknown. */
export const callingRequest = (): Partial<Pick<Caller, 'address' | 'request'>> => current.getStore() ?? {};

export const asCaller = <Result>(caller: Caller, work: () => Result): Result => current.run(caller, work);

/** For work that others call later, such as a socket's listener: runs it on behalf of the present caller. */
export function onBehalf<Args extends unknown[], Result>(work: (...args: Args) => Result): (...args: Args) => Result {
  const caller = current.getStore() ?? { actor: nobody, address: undefined, request: undefined };
  return (...args) => current.run(caller, work, ...args);
}
