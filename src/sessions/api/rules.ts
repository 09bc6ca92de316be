/**
 * How a caller can access a resource: `see` it in lists, `read` its content, `work` on the content, `stop` or delete
 * it, or `manage` it, including its members.
 */
export type AccessKind = 'see' | 'read' | 'work' | 'stop' | 'manage';

export interface MethodRule {
  /**
   * An AccessKind applies to the resource that the first argument identifies. `create` admits users, and `copy` admits
   * callers with `work`; the caller owns the result. `list` covers only owners and projects that the caller may see.
   * `find` prefers the caller's own resources. `guarded` refuses calls unless src/sessions/access has a separate guard
   * for the method.
   */
  readonly may: AccessKind | 'any' | 'user' | 'admin' | 'create' | 'list' | 'find' | 'copy' | 'guarded';
  /**
   * The action recorded in the audit log, even if the call is refused; null records nothing. `look` records reads of
   * another owner's session, at most once per caller and session every ten minutes.
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
