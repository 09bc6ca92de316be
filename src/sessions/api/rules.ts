/**
 * Kinds of access to a resource: to see it in lists, to read its content, to change its content, to stop or delete it, or to
 * manage it (for example, a project's members).
 */
export type AccessKind = 'see' | 'read' | 'work' | 'stop' | 'manage';

export interface MethodRule {
  /**
   * The callers allowed to use the method. An AccessKind: those with this access to the resource whose id is the first
   * argument. `any`, `user`, `admin`: everyone, users, administrators. `create`: users; the new resource is theirs. `list`:
   * everyone, limited to resources of the owners that they may see. `find`: those who may see the resource found by id or name;
   * the caller's own is found first. `copy`: callers that may work on the resource whose id is the first argument; the copy is
   * theirs. `guarded`: src/sessions/access has its own guard for the method; without a guard, every call is refused.
   */
  readonly may: AccessKind | 'any' | 'user' | 'admin' | 'create' | 'list' | 'find' | 'copy' | 'guarded';
  /**
   * The action recorded in the audit log, whether the call succeeds or is refused. `look`: records reads of another owner's
   * session, at most one entry per caller and session in ten minutes. Null: no entry.
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
