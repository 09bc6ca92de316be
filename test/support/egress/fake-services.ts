import { ToolServerStates } from '../../../src/agents/mcp/states.ts';
import { EnvironmentKeys } from '../../../src/auth/environment-keys.ts';
import { createPeppers } from '../../../src/auth/pepper.ts';
import { createSecretSealer } from '../../../src/auth/vault.ts';
import { AutomationRecords } from '../../../src/automations/records.ts';
import { createAutomationService } from '../../../src/automations/service.ts';
import { WebhookRecords } from '../../../src/automations/webhooks/records.ts';
import { createWebhookService } from '../../../src/automations/webhooks/service.ts';
import { createCalendar } from '../../../src/core/contracts/calendar.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { createIdSource, type SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { PortClient } from '../../../src/sandboxes/client/abilities.ts';
import type { DesktopClient, SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { createGuardedFetch } from '../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import type { DesktopAvailability } from '../../../src/sessions/api/desktop.ts';
import type { ProcessInfo } from '../../../src/sessions/api/processes.ts';
import type { ExecCommand } from '../../../src/sessions/api/sandboxes.ts';
import type { OperationServices, Services } from '../../../src/sessions/api/services.ts';
import { AttemptRecords } from '../../../src/sessions/attempts/attempt-records.ts';
import { createAttemptService } from '../../../src/sessions/attempts/attempt-service.ts';
import { createBudgetService } from '../../../src/sessions/budgets/budgets.ts';
import { BudgetLedger } from '../../../src/sessions/budgets/ledger.ts';
import { createDesktopService, type DesktopDeps } from '../../../src/sessions/desktop/desktop.ts';
import { DesktopHubRegistry } from '../../../src/sessions/desktop/screen.ts';
import { createDocumentService } from '../../../src/sessions/documents/document-service.ts';
import { SessionStreamRegistry } from '../../../src/sessions/engine/watchers.ts';
import { CopyStore } from '../../../src/sessions/forks/copies.ts';
import { createMemoryService } from '../../../src/sessions/memory/memory-service.ts';
import { NoteStore } from '../../../src/sessions/memory/notes.ts';
import { createMemoryStoreService } from '../../../src/sessions/memory/stores.ts';
import { createAgentConfigService } from '../../../src/sessions/projects/agent-config.ts';
import { createBoundCredentialStore, createServerCredentials } from '../../../src/sessions/projects/credentials.ts';
import { createProjectService, type MemberDirectory } from '../../../src/sessions/projects/projects.ts';
import { listSupportedProviders } from '../../../src/sessions/projects/providers.ts';
import { DesktopFactTracker } from '../../../src/sessions/run/desktop-facts.ts';
import { createEgressService } from '../../../src/sessions/services/egress.ts';
import { createPortService } from '../../../src/sessions/services/ports.ts';
import { DrainController } from '../../../src/sessions/services/sessions/drain.ts';
import { createUsageService } from '../../../src/sessions/services/sessions/usage.ts';
import { createShareService } from '../../../src/sessions/shares/shares.ts';
import { SkillRecords } from '../../../src/sessions/skills/records.ts';
import { createSkillService } from '../../../src/sessions/skills/skills.ts';
import { ToolServerRecords } from '../../../src/sessions/tool-servers/entered.ts';
import { ToolServerOAuthClient } from '../../../src/sessions/tool-servers/sign-in.ts';
import { createToolServerService } from '../../../src/sessions/tool-servers/tool-servers.ts';
import { CredentialRecords } from '../../../src/sessions/vaults/credential-records.ts';
import { NamedSecretStore } from '../../../src/sessions/vaults/named-secrets.ts';
import { createVaultService } from '../../../src/sessions/vaults/vault-service.ts';
import { WorkQueue } from '../../../src/sessions/work-queue/work-queue.ts';
import { templates } from '../agents/templates.ts';
import { holdingsOf } from '../budgets/holdings.ts';
import { fakeTemplateBuilds } from '../sandboxes/fake-builds.ts';
import { volumeBench } from '../sandboxes/fake-volumes.ts';
import { noDesktop } from '../sandboxes/no-desktop.ts';
import { memoryBlobs } from '../stores/memory-blobs.ts';
import { fakeFiles } from './fake-files.ts';
import { fakeSandboxes } from './fake-sandboxes.ts';
import type { FakeService } from './fake-service.ts';

export interface FakeServices {
  readonly services: Services & OperationServices;
  readonly processes: ProcessInfo[];
  readonly logs: Map<number, string>;
  readonly ran: { readonly id: SessionId; readonly command: ExecCommand }[];
  readonly desktop: FakeScreen;
  /** The ports of every sandbox; undefined: no sandbox runs. */
  readonly ports: { client: PortClient | undefined };
}
/** The desktop of every sandbox; undefined unless a test sets one. */
export interface FakeScreen {
  client: DesktopClient | undefined;
  /** The desktop after the sandbox restarts; undefined: the same one. */
  next: DesktopClient | undefined;
  /** Undefined: ready if there is a desktop. */
  offer: DesktopAvailability | undefined;
  isHeld: boolean;
  maxViewers: number;
  controlIdleMs: number;
  readonly watchers: SessionStreamRegistry;
}

const noStreams = () => Promise.reject(new AppError('unsupported', 'The fake has no streams.'));

const noLists = () => Promise.reject(new AppError('unsupported', 'The fake has no models.'));
const noModels: Services['models'] = {
  inForce: async () => ({ model: 'demo', setBy: null, chosen: null, refusal: null, providers: [], canChange: true }),
  offered: async () => [],
  isPriced: async () => true,
  test: noLists,
  use: noLists,
  forget: noLists,
};

/**
 * All services other than sessions, in memory: a flat map of files for each session, and sandboxes that have only a
 * state.
 */
export function fakeServices({ sessions, store, say }: FakeService, clock: Clock): FakeServices {
  const ids = createIdSource();
  const vault = createSecretSealer([new Secret('cd'.repeat(32))]);
  const { records } = store;
  const learn = () => {};
  const people = async () => new Map();
  const files = new Map<string, Map<string, Buffer>>();
  const processes: ProcessInfo[] = [];
  const logs = new Map<number, string>();
  const ran: FakeServices['ran'] = [];

  const filesOf = async (id: SessionId) => {
    await sessions.get(id);
    const found = files.get(id) ?? new Map<string, Buffer>();
    files.set(id, found);
    return found;
  };
  const known = async (id: SessionId, pid: number) => {
    await sessions.get(id);
    const found = processes.find((process) => process.pid === pid);
    if (!found) throw new AppError('not_found', 'Process not found');
    return found;
  };
  const desktop: FakeScreen = {
    client: undefined,
    next: undefined,
    offer: undefined,
    isHeld: false,
    maxViewers: 16,
    controlIdleMs: 120_000,
    watchers: new SessionStreamRegistry(),
  };
  const ports: FakeServices['ports'] = { client: undefined };
  const reported = new Map<SessionId, DesktopFactTracker>();
  const live = () => ({
    client: { desktop: desktop.client ?? noDesktop() },
    isPaused: false,
    held: {},
    writer: { record: { sandboxHeld: desktop.isHeld } },
  });
  const saw: DesktopDeps['reports']['saw'] = (id, status) => {
    const news = reported.get(id) ?? new DesktopFactTracker();
    reported.set(id, news);
    for (const data of news.saw(status)) void say(id, { type: 'desktop', data, runId: null }).catch(() => {});
  };
  const parts = {
    sandboxes: {
      look: async () => live().client,
      use: async () => ({ ...live(), [Symbol.asyncDispose]: async () => {} }),
    },
    commands: { change: async () => live().writer.record },
  } as unknown as Pick<DesktopDeps, 'sandboxes' | 'commands'>;
  const sandboxes = { look: async () => undefined };
  const secrets = new NamedSecretStore({ records, clock, ids, learn, vault });
  const secretValue = secrets.value.bind(secrets);
  const credentials = createBoundCredentialStore({ records, clock, learn, onChange: () => {}, vault, secretValue });
  const token: ToolServerOAuthClient['token'] = (name, refused) => signIns.token(name, refused);
  const entered = new ToolServerRecords({ records, vault, learn, token });
  const fetchFor = () => createGuardedFetch();
  const signIns = new ToolServerOAuthClient({ entered, fetchFor, clock, newToken: () => ids.token() });
  const noRepository = async (id: SessionId) => {
    await sessions.get(id);
    throw new AppError('not_found', 'The session has no such repository.');
  };
  const noSetting = () => Promise.reject(new AppError('not_found', 'There is no such setting.'));
  const none = { tokens: undefined, cost: undefined };
  const noLimits = { day: none, month: none, held: {} };
  const calendar = createCalendar('UTC');
  const { accounts, holdings } = holdingsOf(records, {}, { clock });
  const ledger = new BudgetLedger({
    ...store,
    accounts,
    clock,
    newId: () => ids.short(),
    shared: false,
    limitsOf: () => noLimits,
    logged: async () => ({ day: { tokens: 0, cost: 0 }, month: { tokens: 0, cost: 0 } }),
    warn: () => {},
  });
  const projectNames = async () => {
    const { projects: all } = await services.projects.list({ skip: 0, limit: 100 });
    return new Map(all.map(({ id, name }) => [id, name]));
  };
  const limits = { maxNoteBytes: 65_536, maxBytes: 4_194_304, maxVersions: 20 };
  const services: Services & OperationServices = {
    administration: {
      auditRows: async () => ({ rows: [], next: null }),
      countSessions: async () => [],
      overview: async () => ({
        running: 0,
        waiting: 0,
        sandboxes: [],
        queue: [],
        storage: { store: 'memory', bytes: null, blobs: 'local', uploads: 0, snapshots: 0, freeBytes: null },
      }),
    },
    memory: createMemoryService({
      notes: new NoteStore({ records, clock, newId: () => ids.short(), limits }),
      people,
      projects: projectNames,
      count: () => {},
    }),
    serverCredentials: createServerCredentials({ ring: credentials, settings: [], setBy: 'egress.credentials' }),
    toolServers: createToolServerService({
      entered,
      signIns,
      settings: [],
      setBy: 'mcp.servers',
      templates: { list: () => [] },
      states: new ToolServerStates(clock),
      reach: () => 'public',
      fetchFor,
      clock,
      newRevision: () => ids.short(),
    }),
    usage: createUsageService({ store, people, projectName: async (id) => id }),
    budgets: createBudgetService({
      ledger,
      accounts,
      holdings,
      store,
      limitsOf: () => noLimits,
      people,
      projects: projectNames,
      calendar,
      now: () => clock.now(),
      wake: () => {},
    }),
    settings: { list: async () => [], change: noSetting, reset: noSetting },
    attempts: createAttemptService({
      records: new AttemptRecords({ records }),
      sessions,
      events: store.events,
      spentWithChildren: async () => ({ turns: 0, tokens: 0, cost: 0, toolCalls: 0 }),
      hasTemplate: () => true,
      checkModel: async () => {},
      wake: () => {},
      clock,
      ids,
    }),
    sessions,
    egress: createEgressService({
      records,
      sessions,
      clock,
      isEntry: (text) => text !== '',
      rulesOf: async () => ({ policy: 'registries', opens: 'registries', entries: [], canAllow: true }),
      change: (id, change) => sessions.update(id, change as object),
      checkSandbox: () => {},
      isEgressFixed: false,
    }),
    secrets: secrets.service,
    sessionCredentials: credentials.createService((id: SessionId) => sessions.get(id)),
    projectCredentials: credentials.createService((id: string) => services.projects.get(id)),
    automations: createAutomationService({
      records: new AutomationRecords({ records }),
      ids,
      clock,
      check: async () => {},
      isOwned: () => true,
      keepsPrepared: true,
      wake: () => {},
      look: async () => {},
      secrets: { make: async () => 'whsec_Zm9yIHRlc3Rz', keep: async () => {}, delete: async () => {} },
      receiver: { receive: () => Promise.reject(new AppError('not_found', 'The delivery was rejected.')) },
    }),
    drain: new DrainController({ liveSessions: { all: () => [] }, supervisor: { rest() {} }, clock, warn: () => {} }),
    webhooks: createWebhookService({
      records: new WebhookRecords({ records }),
      seal: (id, secret) => vault.seal(secret.reveal(), { collection: '', id, field: '' }),
      ids,
      clock,
      check: async () => {},
      isOwned: () => true,
      learn,
      wake: () => {},
      opened: () => {},
    }),
    documents: createDocumentService({ records, clock, ids, deleteUpload: async () => {} }),
    workQueue: new WorkQueue({
      records,
      keys: new EnvironmentKeys({
        ...{ records, clock, ids },
        peppers: async () => createPeppers([new Secret('ef'.repeat(32))]),
      }),
      clock,
      session: (id) => sessions.get(id),
      readOwner: async () => undefined,
      shared: false,
    }).service,
    memoryStores: createMemoryStoreService({ records, clock, ids }),
    vaults: createVaultService({
      ...{ records, clock, ids },
      credentials: new CredentialRecords({ records, vault, learn }),
      tokens: { try: () => Promise.reject(new Error('no tool server can be called here')) },
    }),
    skills: createSkillService({
      records: new SkillRecords({ records }),
      blobs: memoryBlobs(),
      copies: new CopyStore({ records, blobs: memoryBlobs(), clock, newId: () => 'copy' }),
      clock,
      ids,
      templates: () => [],
    }),
    shares: createShareService({ records, sessions, sandboxes, clock, ids }),
    desktop: createDesktopService({
      ...parts,
      reports: { saw },
      offerFor: () => desktop.offer ?? { state: desktop.client === undefined ? 'none' : 'ready' },
      power: {
        stop: async () => ({ stopped: true }),
        async start() {
          desktop.client = desktop.next ?? desktop.client;
          return { started: true };
        },
      },
      isAtWork: async () => false,
      watchers: desktop.watchers,
      clock,
      ids,
      known: async (id) => ({ ...(await sessions.get(id)), sandboxState: 'running' }),
      screens: new DesktopHubRegistry({
        clock,
        facts: { tell: (id, fact) => void say(id, { ...fact, runId: null } as SessionFact).catch(() => {}) },
        settings: {
          get maxViewers() {
            return desktop.maxViewers;
          },
          get controlIdleSeconds() {
            return desktop.controlIdleMs / 1_000;
          },
        },
      }),
    }),
    files: fakeFiles(filesOf, clock),
    processes: {
      async list(id) {
        await sessions.get(id);
        return processes;
      },
      async stop(id, pid) {
        processes.splice(processes.indexOf(await known(id, pid)), 1);
      },
      async logs(id, pid, lines) {
        await known(id, pid);
        const text = (logs.get(pid) ?? '').split('\n').slice(-lines).join('\n');
        return { text, log: '', truncated: false };
      },
      startBackground: async () => ({ pid: 7, log: '.agent_logs/0.log' }),
    },
    inside: { enter: noStreams, admits: async () => {} },
    ports: createPortService({
      records,
      sandboxes: {
        look: async () => ports.client && ({ ports: ports.client } as SandboxClient),
        use: async () => ({ client: { ports: ports.client } as SandboxClient, [Symbol.asyncDispose]: async () => {} }),
      },
      clock,
      ids,
      known: (id) => sessions.get(id),
      isOwnMachine: false,
      closedPorts: new Set([3128]),
    }),
    volumes: volumeBench().volumes.service,
    snapshots: {
      make: noStreams,
      fork: noStreams,
      list: async () => [],
      get: noStreams,
      find: async () => {
        throw new AppError('not_found', 'There is no such snapshot.');
      },
      label: noStreams,
      remove: noStreams,
      exported: noStreams,
      imported: noStreams,
    },
    templateBuilds: fakeTemplateBuilds(clock),
    ...fakeSandboxes({ sessions, clock, ran, clear: async (id) => (await filesOf(id)).clear() }),
    repositories: {
      list: async (id) => (await sessions.get(id)).repositories ?? [],
      fetch: noRepository,
      status: noRepository,
      diff: noRepository,
      patch: noRepository,
      commit: noRepository,
      push: noRepository,
      check: noRepository,
      allowServices: noRepository,
    },
    pullRequests: { open: noRepository, state: noRepository, sendFeedback: noRepository },
    checkpoints: {
      async list(id) {
        await sessions.get(id);
        return [];
      },
      diff: noRepository,
      restore: noRepository,
    },
    streams: { run: noStreams, watch: noStreams, download: noStreams, upload: noStreams },
    templates: { ...templates, whyNot: async () => undefined },
    models: noModels,
    projects: createProjectService({
      records,
      sessions,
      agents: createAgentConfigService({
        records,
        newId: () => crypto.randomUUID(),
        templates,
        providers: async () => listSupportedProviders({}),
        model: 'demo',
      }),
      removeBelongings: async () => {},
      people: anyMember,
      newId: () => crypto.randomUUID(),
      clock,
    }),
  };
  return { services, processes, logs, ran, desktop, ports };
}

/** Finds each member by the id. */
export const anyMember: MemberDirectory = {
  find: async (member) => member,
  findPerson: async (id) => id,
  names: async () => new Map(),
  changed: async () => {},
};
