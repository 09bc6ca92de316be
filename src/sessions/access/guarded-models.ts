import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { ModelService, ModelsInForce } from '../api/models.ts';
import { authorizeRole } from './authorize.ts';

/** Everyone sees what is used, people who work see the lists, and administrators change it and see the addresses. */
export function guardedModels(models: ModelService, principalOf: () => Principal): ModelService {
  const asAdmin = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    authorizeRole(principalOf(), 'admin');
    return await work();
  };
  const shownTo = (principal: Principal, found: ModelsInForce): ModelsInForce => {
    if (hasRole(principal, 'admin')) return found;
    return {
      ...found,
      canChange: false,
      providers: found.providers.map((provider) => ({ ...provider, address: null })),
    };
  };
  return {
    async inForce() {
      const principal = principalOf();
      return shownTo(principal, await models.inForce());
    },
    async offered(signal) {
      authorizeRole(principalOf(), 'user');
      return await models.offered(signal);
    },
    async isPriced(ref) {
      authorizeRole(principalOf(), 'user');
      return await models.isPriced(ref);
    },
    test: async (access, signal) => asAdmin(() => models.test(access, signal)),
    use: async (access, signal) => asAdmin(() => models.use(access, signal)),
    forget: async (provider) => asAdmin(() => models.forget(provider)),
  };
}
