import type { SessionId } from '../../core/model/ids.ts';
import type { Action, MethodRule } from '../api/rules.ts';

type Method = (id: SessionId, ...rest: unknown[]) => unknown;

/** The methods that the rules guard, each behind its check. A method with a guard of its own is not among them. */
export function withChecks<Service extends object>(
  service: Service,
  check: (id: never, action: Action) => Promise<void> | undefined,
  rules: Readonly<Record<keyof Service, Pick<MethodRule, 'may'>>>,
): Service {
  const methods = service as Readonly<Record<string, Method>>;
  const wrap = ([name, { may }]: [string, Pick<MethodRule, 'may'>]): [string, Method][] => {
    if (may === 'guarded') return [];
    const call: Method = (id, ...rest) => {
      const checking = check(id as never, may);
      const work = () => methods[name]?.(id, ...rest);
      return checking ? checking.then(work) : work();
    };
    return [[name, call]];
  };
  return Object.fromEntries(Object.entries<Pick<MethodRule, 'may'>>(rules).flatMap(wrap)) as Service;
}
