import { AsyncLocalStorage } from 'node:async_hooks';
import { type Actor, nobody } from '../../core/actor.ts';

// Who asks is known where a request comes in, and is asked for where the services are called, in whichever dialect. So
// it is not handed through every route, where one could forget it. Where it was lost nobody asks, and nobody may nothing;
// but for servers without keys, where everybody who came in may do everything.

interface Caller {
  readonly actor: Actor;
  readonly address: string | undefined;
  /** The id of the request it came with. */
  readonly request: string | undefined;
}
const current = new AsyncLocalStorage<Caller>();

export const callingActor = (lost: Actor = nobody): Actor => current.getStore()?.actor ?? lost;
/** Nothing where it was lost. */
export const callingRequest = (): Partial<Pick<Caller, 'address' | 'request'>> => current.getStore() ?? {};

export const asCaller = <Result>(caller: Caller, work: () => Result): Result => current.run(caller, work);

/** For what is called later by others, such as who listens to a socket: on behalf of who asks now. */
export function onBehalf<Args extends unknown[], Result>(work: (...args: Args) => Result): (...args: Args) => Result {
  const caller = current.getStore() ?? { actor: nobody, address: undefined, request: undefined };
  return (...args) => current.run(caller, work, ...args);
}
