/**
 * The kinds of access: see a session's list entry, read its content, change its content, end its run or the session itself,
 * decide who else uses a project and with which secrets.
 */
export type Action = 'see' | 'read' | 'work' | 'stop' | 'manage';

/** The permission that a method needs, and the entry of the audit log that a call leaves. */
export interface MethodRule {
  /**
   * An action on the resource whose id is the first argument, or who may call it at all: anyone, a user, an administrator.
   * `create`: a user, whose own the new one becomes. `list`: anyone, for the owners that it sees. `find`: by an id, or by a
   * name among its own first. `copy`: work on the first argument makes a new one, of the caller. `guarded`:
   * src/sessions/access has its own guard for the method; without one no call passes.
   */
  readonly may: Action | 'any' | 'user' | 'admin' | 'create' | 'list' | 'find' | 'copy' | 'guarded';
  /**
   * The action in the audit log, whether the call succeeds or is refused. `look`: a read of another owner's session leaves
   * one entry in ten minutes. Null: no entry.
   */
  readonly audit: string | null;
}
/** The type requires a rule for every method, so a new one cannot be forgotten. */
export type ServiceRules<Service> = Readonly<Record<keyof Service, MethodRule>>;

/** The object on which a permission depends; its id is the first argument of each method. */
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
