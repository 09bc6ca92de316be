/**
 * Kinds of access: see a session in lists, read its content, change its content, end its run or the session itself,
 * manage a project's members and secrets.
 */
export type Action = 'see' | 'read' | 'work' | 'stop' | 'manage';

/** The permission that a method requires, and its audit log entry. */
export interface MethodRule {
  /**
   * An action on the resource whose id is the first argument, or who may call it at all: anyone, a user, an administrator.
   * `create`: a user, whose own the new one becomes. `list`: anyone, for the owners that it sees. `find`: by an id, or by a
   * name among its own first. `copy`: work on the first argument makes a new one, of the caller. `guarded`:
   * src/sessions/access has its own guard for the method; without one no call passes.
   */
  readonly may: Action | 'any' | 'user' | 'admin' | 'create' | 'list' | 'find' | 'copy' | 'guarded';
  /**
   * The action recorded in the audit log, whether the call succeeds or is refused. `look`: reading another owner's
   * session records at most one entry in ten minutes. Null: no entry.
   */
  readonly audit: string | null;
}
/** Requires a rule for every method, so that none can be forgotten. */
export type ServiceRules<Service> = Readonly<Record<keyof Service, MethodRule>>;

/** The kind of object that a permission depends on; its id is the first argument of each method. */
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
