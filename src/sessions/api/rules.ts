/**
 * How a caller can access a resource: `see` it in lists, `read` its content, `work` on the content, `stop` or delete
 * it, or `manage` it, including its members.
 */
export type AccessKind = 'see' | 'read' | 'work' | 'stop' | 'manage';

export interface MethodRule {
  /**
   * The callers allowed to use the method. An AccessKind: callers with this access to the resource that the first
   * argument identifies. `any`: everyone. `user`: users. `admin`: administrators. `create`: users, who own the new
   * resource. `list`: everyone, but only for resources of owners and projects that the caller may see. `find`: callers
   * who may see the resource; an id or name resolves to the caller's own resource first. `copy`: callers who may work
   * on the resource; they own the copy. `guarded`: src/sessions/access has a guard for the method; without a guard,
   * every call is refused.
   */
  readonly may: AccessKind | 'any' | 'user' | 'admin' | 'create' | 'list' | 'find' | 'copy' | 'guarded';
  /**
   * The action recorded in the audit log, for successful and refused calls. `look`: records only reads of another
   * owner's session, with at most one entry per caller and session every ten minutes. If null, nothing is recorded.
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
