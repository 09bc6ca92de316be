/**
 * How a caller can access a resource: `see` it in lists, `read` its content, `work` on the content, `stop` or delete
 * it, or `manage` it, including its members.
 */
export type AccessKind = 'see' | 'read' | 'work' | 'stop' | 'manage';

export interface MethodRule {
  /**
   * An AccessKind admits callers with that access to the first argument's resource. `create` admits users, and `copy`
   * callers that may work on the first argument's resource; they own the new resource. `list` covers only owners and
   * projects that the caller may see. `find` admits callers that may see the resource, and prefers their own. `guarded`
   * refuses every call without a guard in src/sessions/access.
   */
  readonly may: AccessKind | 'any' | 'user' | 'admin' | 'create' | 'list' | 'find' | 'copy' | 'guarded';
  /**
   * The action in the audit log, for successful and refused calls; null records nothing. `look` records reads of
   * another owner's session, once per caller and session every ten minutes.
   */
  readonly audit: string | null;
}
export type ServiceRules<Service> = Readonly<Record<keyof Service, MethodRule>>;

export type RuleScope =
  | 'session'
  | 'project'
  | 'automation'
  | 'document'
  | 'vault'
  | 'memoryStore'
  | 'skill'
  | 'snapshot'
  | 'volume'
  | 'builtTemplate'
  | 'secret';
export interface RegisteredService<Service> {
  readonly of: RuleScope;
  readonly rules: ServiceRules<Service>;
}
