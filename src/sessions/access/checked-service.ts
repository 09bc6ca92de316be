import type { SessionId } from '../../core/model/ids.ts';
import type { Action } from './authorize.ts';

type Method = (id: SessionId, ...rest: unknown[]) => unknown;
/** Checks permission before each method. The type requires an entry for every method, so a new one cannot be forgotten. */
export function withChecks<Service extends object>(
  service: Service,
  check: (id: never, action: Action) => Promise<void> | undefined,
  actions: Readonly<Record<keyof Service, Action>>,
): Service {
  const methods = service as Readonly<Record<string, Method>>;
  const wrap = ([name, action]: [string, Action]) => {
    const call: Method = (id, ...rest) => {
      const checking = check(id as never, action);
      const work = () => methods[name]?.(id, ...rest);
      return checking ? checking.then(work) : work();
    };
    return [name, call];
  };
  return Object.fromEntries(Object.entries<Action>(actions).map(wrap)) as Service;
}
