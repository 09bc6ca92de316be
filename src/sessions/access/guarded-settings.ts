import type { Principal } from '../../core/model/principal.ts';
import type { ServiceRules } from '../api/rules.ts';
import { authorizeRole } from './authorize.ts';

type Method = (...args: unknown[]) => Promise<unknown>;

/** Every method for administrators alone, reads too: the settings name hosts, tools and servers of all owners. */
export function forAdministrators<Service extends object>(
  service: Service,
  rules: ServiceRules<Service>,
  principalOf: () => Principal,
): Service {
  const methods = service as Readonly<Record<string, Method>>;
  const guard = (name: string): [string, Method] => [
    name,
    async (...args) => {
      authorizeRole(principalOf(), 'admin');
      return await methods[name]?.(...args);
    },
  ];
  return Object.fromEntries(Object.keys(rules).map(guard)) as Service;
}
