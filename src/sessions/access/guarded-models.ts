import { type Actor, hasRole } from '../../core/model/actor.ts';
import type { ModelService, ModelsInForce } from '../api/models.ts';
import { authorizeRole } from './authorize.ts';

/** Everyone sees what is used, people who work see the lists, and administrators change it and see the addresses. */
export function guardedModels(models: ModelService, actorOf: () => Actor): ModelService {
  const asAdmin = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    authorizeRole(actorOf(), 'admin');
    return await work();
  };
  const shownTo = (actor: Actor, found: ModelsInForce): ModelsInForce => {
    if (hasRole(actor, 'admin')) return found;
    return {
      ...found,
      canChange: false,
      providers: found.providers.map((provider) => ({ ...provider, address: null })),
    };
  };
  return {
    async inForce() {
      const actor = actorOf();
      return shownTo(actor, await models.inForce());
    },
    async offered(signal) {
      authorizeRole(actorOf(), 'user');
      return await models.offered(signal);
    },
    test: async (access, signal) => asAdmin(() => models.test(access, signal)),
    use: async (access, signal) => asAdmin(() => models.use(access, signal)),
    forget: async (provider) => asAdmin(() => models.forget(provider)),
  };
}
