/**
 * How a caller can access a resource: see it in lists, read or change its content, stop or delete it, or manage it (such as
 * its members).
 */
export type AccessKind = 'see' | 'read' | 'work' | 'stop' | 'manage';

export interface MethodRule {
  /**
   * The callers allowed to use the method. An AccessKind: those with this access to the resource that the first argument
   * identifies. `any`: everyone. `user`: users. `admin`: administrators. `create`: users, who own the new resource. `list`:
   * everyone, limited to owners that they may see. `find`: those who may see the resource; ids and names resolve to the
   * caller's own first. `copy`: those who may work on the resource; they own the copy. `guarded`: src/sessions/access has a
   * guard for the method; without one, every call is refused.
   */
  readonly may: AccessKind | 'any' | 'user' | 'admin' | 'create' | 'list' | 'find' | 'copy' | 'guarded';
  /**
   * The action recorded in the audit log, for successful and refused calls. `look`: only reads of another owner's session,
   * at most one entry per caller and session in ten minutes. Null: none.
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
