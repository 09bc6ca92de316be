import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { DesktopService, DesktopViewer } from '../api/desktop.ts';
import type { MethodRule } from '../api/rules.ts';
import type { AutomationService } from '../api/server/automations.ts';
import { type Services, serviceRules } from '../api/services.ts';
import type { SessionService } from '../api/sessions.ts';
import type { WorkspaceService } from '../api/workspaces.ts';
import { permitsAction } from './authorize.ts';
import type { ProjectServices } from './guarded-projects.ts';

// Audit entries never contain the text of a message, command or file.

export interface AuditedCall {
  readonly principal: Principal;
  readonly action: string;
  readonly target: string | undefined;
  readonly outcome: string;
}
export interface AuditRecorder {
  readonly principalOf: () => Principal;
  readonly tell: (call: AuditedCall) => void;
  readonly now: () => number;
}

type Method = (...args: readonly unknown[]) => Promise<unknown>;
type AuditActions<Service> = Partial<Readonly<Record<keyof Service, string>>>;

export function withAudit<Service extends object>(
  service: Service,
  actions: AuditActions<Service>,
  audit: AuditRecorder,
): Service {
  const methods = service as Readonly<Record<string, Method>>;
  const telling = ([name, action]: [string, string]): [string, Method] => [
    name,
    async (...args) => {
      const principal = audit.principalOf();
      const tell = (outcome: string, result?: unknown) => {
        for (const target of noteOf(args, principal) ?? targetsOf(args[0], result))
          audit.tell({ principal, action, target, outcome });
      };
      try {
        const result = await methods[name]?.call(service, ...args);
        tell('done', result);
        return result;
      } catch (thrown) {
        tell(toAppError(thrown).code);
        throw thrown;
      }
    },
  ];
  return {
    ...service,
    ...Object.fromEntries(Object.entries(actions as object as Record<string, string>).map(telling)),
  };
}

/** Only the provider is recorded, because the input can contain a key. */
const isAccess = (input: unknown): input is { provider: string } =>
  typeof (input as { provider?: unknown } | undefined)?.provider === 'string';

function noteOf([holder, note]: readonly unknown[], { owner }: Principal): [string] | undefined {
  const { of, id = owner ?? '' } = (holder ?? {}) as { readonly of?: string; readonly id?: string };
  const path = typeof note === 'string' ? note : (note as { readonly path?: string } | undefined)?.path;
  return of === undefined || path === undefined ? undefined : [`${of}:${id}/${path}`];
}

type CreatedResult = { readonly id?: string; readonly view?: { readonly id: string } } | null | undefined;
function targetsOf(named: unknown, result: unknown): (string | undefined)[] {
  if (typeof named === 'string') return [named];
  if (isAccess(named)) return [named.provider];
  const created = Array.isArray(result) && result.length > 0 ? result : [result];
  return (created as readonly CreatedResult[]).map((one) => one?.id ?? one?.view?.id);
}

export function auditServices(services: Services, raw: Pick<Services, 'sessions'>, audit: AuditRecorder): Services {
  const looked = lookedAt(raw.sessions, audit);
  const names = Object.keys(serviceRules) as (keyof Services)[];
  const byRules = Object.fromEntries(
    names.map((name) => {
      const rules = Object.entries<MethodRule>(serviceRules[name].rules);
      const actions = rules.filter(({ 1: rule }) => rule.audit !== null && rule.audit !== 'look');
      const looks = rules.filter(({ 1: rule }) => rule.audit === 'look').map(([method]) => method);
      const telling = withAudit<object>(
        services[name],
        Object.fromEntries(actions.map(([method, rule]) => [method, rule.audit as string])),
        audit,
      );
      return [name, looked(telling, looks as never[])];
    }),
  ) as object as Services;
  return {
    ...byRules,
    desktop: auditedDesktop(byRules.desktop, audit),
    automations: auditedDeliveries(byRules.automations, audit),
  };
}

/** Audits only deliveries that start something, because anyone could fill the log with rejected ones. */
function auditedDeliveries(telling: AutomationService, audit: AuditRecorder): AutomationService {
  return {
    ...telling,
    async receive(id, request) {
      const principal = audit.principalOf();
      const answer = await telling.receive(id, request);
      if (answer.started) audit.tell({ principal, action: 'automation.deliver', target: id, outcome: 'done' });
      return answer;
    },
  };
}

function auditedDesktop(telling: DesktopService, audit: AuditRecorder): DesktopService {
  return {
    ...telling,
    async watch(id, request, signal) {
      const principal = audit.principalOf();
      const viewer = await telling.watch(id, request, signal);
      const taken = () => audit.tell({ principal, action: 'desktop.take', target: id, outcome: 'done' });
      return watched(viewer, taken);
    },
  };
}

function watched(viewer: DesktopViewer, taken: () => void): DesktopViewer {
  const noticing = (work: () => boolean) => {
    const before = viewer.driver;
    const result = work();
    if (before !== viewer.id && viewer.driver === viewer.id) taken();
    return result;
  };
  return {
    id: viewer.id,
    stream: viewer.stream,
    ended: viewer.ended,
    get driver() {
      return viewer.driver;
    },
    uses: (what) => (what === 'press' ? noticing(() => viewer.uses(what)) : viewer.uses(what)),
    type: (keysyms) => viewer.type(keysyms),
    take: () => noticing(() => viewer.take()),
    giveBack: () => viewer.giveBack(),
    [Symbol.asyncDispose]: () => viewer[Symbol.asyncDispose](),
  };
}

const lookMs = 600_000;
const maxLooks = 10_000;

/** Audits reads of another owner's session, at most once per caller and session every ten minutes. */
function lookedAt(sessions: Pick<SessionService, 'get'>, { principalOf, tell, now }: AuditRecorder) {
  const looks = new Map<string, number>();
  const look = (id: SessionId) => {
    const principal = principalOf();
    const name = `${principal.key ?? principal.role} ${id}`;
    const last = looks.get(name);
    if (last !== undefined && now() - last < lookMs) return;
    looks.delete(name);
    looks.set(name, now());
    const [oldest] = looks.keys();
    if (looks.size > maxLooks && oldest !== undefined) looks.delete(oldest);
    const auditing = sessions.get(id).then((session) => {
      if (session.owner === undefined || session.owner === principal.owner) return;
      const outcome = permitsAction(principal, 'read', session) ? 'done' : 'session_not_found';
      tell({ principal, action: 'session.read', target: id, outcome });
    });
    auditing.catch(() => {}); // An attempt to read an unknown session needs no entry.
  };
  return <Service extends object>(service: Service, names: readonly (keyof Service & string)[]): Service => {
    const methods = service as Readonly<Record<string, (...args: unknown[]) => unknown>>;
    const looking = (name: string) => [
      name,
      (id: SessionId, ...rest: unknown[]) => {
        look(id);
        return methods[name]?.call(service, id, ...rest);
      },
    ];
    return { ...service, ...Object.fromEntries(names.map(looking)) };
  };
}

export function auditProjectServices<Parts extends ProjectServices>(parts: Parts, audit: AuditRecorder): Parts {
  return {
    ...parts,
    agents: withAudit(parts.agents, { update: 'agent.change', apply: 'agent.change' }, audit),
    sideMessages: withAudit(parts.sideMessages, { add: 'session.note', annotate: 'session.note' }, audit),
    uploads: withAudit(parts.uploads, { keep: 'upload.create', delete: 'upload.delete' }, audit),
    keys: withAudit(parts.keys, { put: 'secret.put', delete: 'secret.delete', test: 'secret.test' }, audit),
  };
}

type Workspaces = Pick<WorkspaceService, 'join'>;
export function auditWorkspaces(workspaces: Workspaces, audit: AuditRecorder): Workspaces {
  return {
    join(userId, as) {
      const member = workspaces.join(userId, as);
      const principal = audit.principalOf();
      const workspaceMember = withAudit(
        member,
        { runCode: 'workspace.command', runCommand: 'workspace.command', saveFile: 'workspace.file' },
        { ...audit, principalOf: () => principal },
      );
      return { ...workspaceMember, [Symbol.dispose]: () => member[Symbol.dispose]() };
    },
  };
}
