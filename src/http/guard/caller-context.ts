import type { ApiKeyAdmin } from '../../auth/api-keys.ts';
import type { PeopleAdmin } from '../../auth/sign-in/people-admin.ts';
import type { SignedUrls } from '../../auth/signed-url.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { AuditRecorder } from '../../sessions/access/audited-services.ts';
import type { ProjectServices } from '../../sessions/access/guarded-projects.ts';
import type { OperationServices, Services } from '../../sessions/api/services.ts';

/**
 * Operations on behalf of one caller.
 *
 * @example
 * const session = await acting(principal).services.sessions.get(id); // not_found for another owner's session
 */
export interface CallerContext {
  readonly principal: Principal;
  readonly services: Services;
  /** No access checks. Only for the procedures in `src/api`, which check their callers. */
  readonly unchecked: OperationServices;
  readonly audit?: AuditRecorder | undefined;
  /**
   * Later calls with the same key return the first call's result. A failure releases the key. Rejects: conflict (the
   * key was used with different content, or its first call is still running).
   */
  readonly once: <Answer>(key: readonly string[], content: string, work: () => Promise<Answer>) => Promise<Answer>;
  readonly sign: SignedUrls['sign'];
  readonly keys?: ApiKeyAdmin | undefined;
  readonly people?: PeopleAdmin | undefined;
  readonly uploads?: ProjectServices['uploads'] | undefined;
}
