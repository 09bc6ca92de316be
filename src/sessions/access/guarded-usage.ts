import type { Principal } from '../../core/model/principal.ts';
import type { UsageService } from '../api/usage.ts';
import { may } from './authorize.ts';

/** A caller gets the sums of the sessions that it may read. A link to another owner's shared session adds none. */
export const guardedUsage = (usage: UsageService, principalOf: () => Principal): UsageService => ({
  async report(query) {
    const principal = principalOf();
    if (principal.role === 'admin') return await usage.report(query);
    return await usage.report(query, ({ owner }) => may(principal, 'read', { owner }));
  },
});
