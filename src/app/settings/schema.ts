import { z } from 'zod';
import { driverListText, driverSetting, driverSettingSections } from '../../../drivers/list.ts';
import { approvalRulesValue } from '../../config/approval-rules.ts';
import {
  addressList,
  booleanValue,
  byteSizeValue,
  hostList,
  integerValue,
  listOf,
  networkList,
  numberValue,
  oneOf,
  originList,
  pathList,
  portList,
  secretTextValue,
  textValue,
  timeZoneValue,
  urlValue,
  wordList,
} from '../../config/kinds.ts';
import {
  defineOptionalSecret,
  defineOptionalSetting,
  defineSecretSetting,
  defineSetting,
  markChangeable,
  type SettingEditor,
  type SettingForm,
} from '../../config/setting.ts';
import { readSettingsLayout } from '../../config/settings.ts';
import { toolServersValue } from '../../config/tool-servers.ts';
import { facadeSettingsSchemas } from '../../facades/list.ts';
import { isForgeServerSetting } from '../../forges/list.ts';
import { modelSetting, modelsSection } from './models.ts';
import { browserSection, desktopSection, egressSection, sandboxSection } from './sandboxes.ts';
import { identityProxySection, oidcSection, programsSection } from './sign-in.ts';
import {
  buildsSection,
  keysSection,
  memorySection,
  retentionSection,
  snapshotsSection,
  storageSection,
  volumesSection,
} from './storage.ts';

const day = 24 * 60 * 60;
type Unit = Extract<SettingForm, { kind: 'amount' }>['unit'];
const budgetIn = (unit: Unit): SettingEditor => ({ section: 'budgets', form: { kind: 'amount', unit } });

const maxSnapshots = (whose: string) => defineOptionalSetting(integerValue(0), `named snapshots of ${whose}`);
const heldLimits = (whose: string) => ({
  maxRunningRuns: defineOptionalSetting(integerValue(0), `active runs of ${whose}; others wait`),
  maxCpus: defineOptionalSetting(numberValue(0, 1e6), `sandbox processors of ${whose}`),
  maxMemory: defineOptionalSetting(byteSizeValue(0), `sandbox memory of ${whose}`),
  maxDisk: defineOptionalSetting(byteSizeValue(0), `disk of ${whose}`),
});
/** Runs reserve parts of these budgets in advance, so concurrent runs cannot overspend. */
const periodBudgets = (whose: string) => ({
  dayTokenBudget: markChangeable(
    defineOptionalSetting(integerValue(1), `tokens of ${whose} per day, see docs/budgets.md`),
    budgetIn('count'),
  ),
  dayCostBudget: markChangeable(
    defineOptionalSetting(numberValue(0, 1e9), `cost of ${whose} per day in the price list's currency`),
    budgetIn('cost'),
  ),
  dayToolCallBudget: markChangeable(
    defineOptionalSetting(integerValue(1), `tool calls of ${whose} per day`),
    budgetIn('count'),
  ),
  monthTokenBudget: markChangeable(
    defineOptionalSetting(integerValue(1), `tokens of ${whose} per month`),
    budgetIn('count'),
  ),
  monthCostBudget: markChangeable(
    defineOptionalSetting(numberValue(0, 1e9), `cost of ${whose} per month in the price list's currency`),
    budgetIn('cost'),
  ),
  monthToolCallBudget: markChangeable(
    defineOptionalSetting(integerValue(1), `tool calls of ${whose} per month`),
    budgetIn('count'),
  ),
});

/**
 * A setting's key in corral.yaml is its path in kebab case. By default, its variable is CORRAL_ followed by the key in
 * upper case with underscores.
 */
export const Config = z.strictObject({
  host: defineSetting(textValue('a host name or address'), '127.0.0.1', 'address to listen on', 'HOST'),
  port: defineSetting(integerValue(0, 65_535), 8000, 'port to listen on; 0 picks a free one', 'PORT'),
  extraPorts: defineSetting(portList(), [], 'more ports to listen on'),
  dataDir: defineSetting(textValue('a folder'), './data', 'folder of the database, the sockets and the local files'),
  instance: defineOptionalSetting(
    textValue('1 to 31 lower-case letters, digits and hyphens', /^[a-z0-9][a-z0-9-]{0,30}$/),
    'name of this installation in the labels of what it starts; unset: generated once and kept in the data folder',
  ),
  mongodbUrl: defineOptionalSecret(
    secretTextValue('an address that begins with mongodb:// or mongodb+srv://', /^mongodb([+]srv)?:\/\/\S+$/),
    'where MongoDB stores the history, instead of SQLite',
    'MONGODB_URL',
  ),
  history: defineSetting(
    oneOf('stored', 'memory'),
    'stored',
    'where sessions are kept: in SQLite or MongoDB, or in memory until the server stops',
  ),

  token: defineOptionalSecret(
    secretTextValue(),
    'bearer token that clients must send; required to listen on more than loopback',
  ),
  oidc: oidcSection,
  identityProxy: identityProxySection,
  programs: programsSection,
  corsOrigins: defineOptionalSetting(
    originList(),
    'origins whose pages can use the API like the built-in page; unset: localhost and 127.0.0.1 on ports 3000, 5173 and 5174, read-only without a token',
    'CORS_ORIGINS',
  ),
  allowedHosts: defineSetting(hostList(), [], 'more names for the Host header on loopback'),
  trustedProxies: defineSetting(
    addressList(),
    [],
    'proxies in front of this server whose X-Forwarded-For and X-Forwarded-Proto headers are trusted',
  ),
  rateLimitPerMinute: defineSetting(
    integerValue(0),
    3000,
    'requests per minute for each token or address; 0: no limit',
  ),
  maxConnectionsPerAddress: defineSetting(
    integerValue(0),
    2000,
    'open connections per address, and requests in progress per address behind a trusted proxy; 0: no limit',
  ),
  maxBodyBytes: defineSetting(byteSizeValue(1), '10MiB', 'largest JSON body'),
  maxUploadBytes: defineSetting(byteSizeValue(1), '50MiB', 'largest upload'),
  ...facadeSettingsSchemas,

  storage: storageSection,
  keys: keysSection,

  driver: defineSetting(
    driverSetting,
    'auto',
    `where sandboxes run (${driverListText}); auto is Docker if it answers, else process`,
  ),
  ...driverSettingSections,
  unconfined: defineSetting(
    booleanValue(),
    false,
    'lets a real model use processes without bubblewrap, or pods without enforced network policies',
  ),

  template: markChangeable(
    defineOptionalSetting(
      textValue('the name of a template', /^[a-z][a-z0-9_-]{0,40}$/),
      'default template of new sessions; unset: only these settings',
    ),
    { section: 'template', form: { kind: 'template' } },
  ),
  model: modelSetting,
  models: modelsSection,

  replicas: z.strictObject({
    leaseSeconds: defineSetting(
      integerValue(1, 300),
      10,
      'with a shared store: how long a dead server keeps its sessions',
    ),
  }),
  maxSessions: defineSetting(integerValue(1), 500, 'maximum number of sessions at the same time'),
  maxSessionsPerOwner: defineSetting(
    integerValue(0),
    100,
    'maximum number of sessions per owner (see docs/budgets.md); 0: no limit',
  ),
  maxRunningRuns: defineSetting(integerValue(1), 32, 'maximum number of active runs of this server; more are queued'),
  maxSteps: markChangeable(
    defineSetting(integerValue(1), 100, 'maximum turns of the model per run; at the limit the run asks to continue'),
    budgetIn('count'),
  ),
  run: z.strictObject({
    timeoutSeconds: markChangeable(
      defineSetting(integerValue(1, 7 * day), 1800, 'maximum time per run; at the limit the run asks to continue'),
      budgetIn('seconds'),
    ),
    tokenBudget: markChangeable(
      defineOptionalSetting(integerValue(1), 'maximum tokens per run; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
    costBudget: markChangeable(
      defineOptionalSetting(
        numberValue(0, 1e6),
        "maximum cost per run in the price list's currency; at the limit the run asks to continue",
      ),
      budgetIn('cost'),
    ),
    toolCallBudget: markChangeable(
      defineOptionalSetting(integerValue(1), 'maximum tool calls per run; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
  }),
  stuck: z.strictObject({
    sameResult: defineSetting(
      integerValue(2, 100),
      4,
      'repetitions of the same action with the same result after which a run is stuck',
    ),
    sameError: defineSetting(integerValue(2, 100), 3, 'repetitions of the same error after which a run is stuck'),
    alternation: defineSetting(
      integerValue(4, 100),
      6,
      'calls that alternate between two actions after which a run is stuck',
    ),
    sameText: defineSetting(integerValue(2, 100), 3, 'repetitions of the same text after which a run is stuck'),
    sameWait: defineSetting(
      integerValue(2, 1_000),
      30,
      'repetitions of a call that waits for something after which a run is stuck',
    ),
  }),
  approvals: z.strictObject({
    rules: markChangeable(
      defineSetting(
        approvalRulesValue(),
        [],
        'rules that allow, ask about or deny calls by tool and pattern; the first matching rule decides, see docs/approvals.md',
      ),
      { section: 'approvals', form: { kind: 'rules' } },
    ),
    tools: markChangeable(
      defineSetting(
        wordList('names of tools such as shell_exec, or *', /^([a-z][a-z0-9_]*|[*])$/),
        [],
        'tools whose calls need approval if no rule matches; * is all',
      ),
      { section: 'approvals', form: { kind: 'tools' } },
    ),
    timeoutSeconds: markChangeable(
      defineSetting(integerValue(1, 7 * day), 600, 'how long a call waits for approval before it is refused'),
      { section: 'approvals', form: { kind: 'amount', unit: 'seconds' } },
    ),
  }),
  toolTimeoutSeconds: defineSetting(
    integerValue(1, day),
    600,
    'maximum time of a command; then its process tree is killed',
  ),
  maxEventsPerSession: defineSetting(integerValue(100), 50_000, 'events kept per session'),
  retention: retentionSection,
  snapshots: snapshotsSection,
  volumes: volumesSection,
  builds: buildsSection,
  repositories: z.strictObject({
    authorName: defineSetting(
      textValue('a name without < and >', /^[^<>\p{Cc}]{1,100}$/u),
      'Corral',
      "author of commits if a session's creator sets none",
    ),
    authorEmail: defineSetting(
      textValue('an e-mail address', /^[^<>@\s]{1,100}@[^<>@\s]{1,100}$/),
      'corral@localhost',
      "that author's e-mail address",
    ),
    folders: defineSetting(
      listOf('absolute paths of folders', z.string().regex(/^\/[^\p{Cc}]*$/u)),
      [],
      'folders on the server whose repositories sessions can start with, as file:///srv/git/project; everyone who can create sessions can read all their commits',
    ),
    checkpoints: defineSetting(
      oneOf('repositories', 'all', 'none'),
      'repositories',
      'sessions whose files are saved after each run: those with repositories, all, or none',
    ),
    keepCheckpoints: defineSetting(integerValue(2, 10_000), 100, 'number of newest checkpoints kept per session'),
    keepPrepared: defineSetting(
      integerValue(0, 10_000),
      20,
      'number of most recently used prepared repositories kept per owner for later sessions; 0: none',
    ),
    preparedBytes: defineSetting(byteSizeValue(1), '1GiB', 'maximum size of a prepared repository that is kept'),
    readyWorkspaces: defineSetting(
      integerValue(0, 1_000),
      2,
      'number of prepared workspaces kept ready for new sessions across all owners; 0: none',
    ),
    readyHours: defineSetting(integerValue(1, 1_000), 24, 'hours after which an unused ready workspace is removed'),
  }),
  forges: z.strictObject({
    servers: defineSetting(
      listOf(
        'forges such as gitea=https://git.example.com, gitlab=… or github=…',
        z.string().refine(isForgeServerSetting),
      ),
      [],
      'self-hosted forges where pull requests are opened; the public ones are built in, see docs/forges.md',
    ),
  }),
  workspaceGraceSeconds: defineSetting(
    integerValue(0, day),
    30,
    'how long a workspace is kept after its last Workspace client disconnects',
  ),
  session: z.strictObject({
    passivateSeconds: defineSetting(
      integerValue(1, day),
      60,
      'time after which an idle session is unloaded from memory; its history is kept',
    ),
    turnBudget: markChangeable(
      defineOptionalSetting(
        integerValue(1),
        'maximum turns of the model per session; at the limit the run asks to continue',
      ),
      budgetIn('count'),
    ),
    tokenBudget: markChangeable(
      defineOptionalSetting(integerValue(1), 'maximum tokens per session; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
    costBudget: markChangeable(
      defineOptionalSetting(
        numberValue(0, 1e6),
        "maximum cost per session in the price list's currency; at the limit the run asks to continue",
      ),
      budgetIn('cost'),
    ),
    toolCallBudget: markChangeable(
      defineOptionalSetting(integerValue(1), 'maximum tool calls per session; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
    timeBudgetSeconds: markChangeable(
      defineOptionalSetting(
        integerValue(1, 365 * day),
        'maximum working time per session; at the limit the run asks to continue',
      ),
      budgetIn('seconds'),
    ),
  }),
  budgetTimeZone: defineSetting(timeZoneValue(), 'UTC', 'time zone in which the days and months of budgets begin'),
  person: z.strictObject({ ...periodBudgets('one person'), ...heldLimits('one person') }),
  project: z.strictObject({
    ...periodBudgets('one project'),
    ...heldLimits('one project'),
    maxSessions: defineOptionalSetting(integerValue(0), 'sessions of one project'),
    maxSnapshots: maxSnapshots('one project'),
  }),
  server: z.strictObject({ ...heldLimits('all sessions'), maxSnapshots: maxSnapshots('all sessions') }),
  memory: memorySection,

  sandbox: sandboxSection,
  egress: egressSection,
  webhooks: z.strictObject({
    allowRanges: defineSetting(networkList(), [], 'private networks that webhooks can reach'),
    pageUrl: defineOptionalSetting(
      urlValue('https', 'http'),
      'address of the page for links in webhooks; unset: only webhooks of a loopback server contain links',
    ),
  }),
  desktop: desktopSection,
  browser: browserSection,
  mcp: z.strictObject({
    servers: defineSecretSetting(toolServersValue(), {}, 'MCP servers whose tools agents can call, see docs/mcp.md'),
    privateAddresses: defineSetting(
      oneOf('auto', 'allow', 'refuse'),
      'auto',
      'whether administrators can use the page to add tool servers on this machine and in private networks; auto: only on a loopback server without a token or keys',
    ),
  }),
  search: z.strictObject({
    engine: defineOptionalSetting(
      oneOf('searxng', 'brave', 'tavily', 'google'),
      'the search engine of the tool web_search; unset: no such tool',
    ),
    baseUrl: defineOptionalSetting(urlValue('https', 'http'), "the engine's address; required for searxng"),
    key: defineOptionalSecret(secretTextValue(), 'the key for brave, tavily or google'),
    engineId: defineOptionalSetting(textValue('an id'), "the id (cx) of google's programmable search engine"),
  }),
  tools: z.strictObject({
    deny: markChangeable(
      defineSetting(
        wordList('names of tools, groups such as bash, or globs such as browser_*', /^[a-z*][a-z0-9_*]*$/),
        [],
        'tools that no agent gets, in any template or project',
      ),
      { section: 'tools', form: { kind: 'tools' } },
    ),
    computer: defineSetting(
      oneOf('off', 'claude', 'gemini'),
      'off',
      "gives agents the desktop's keyboard and mouse, in the format of this model family",
    ),
  }),
  extraCa: defineSetting(
    pathList(),
    [],
    'PEM files of more certificate authorities that the server and sandboxes trust; those in NODE_EXTRA_CA_CERTS are added',
  ),

  audit: z.strictObject({
    enabled: defineSetting(
      booleanValue(),
      true,
      "records who did what in the data folder's audit folder, see docs/audit.md",
    ),
    maxBytes: defineSetting(byteSizeValue(65_536), '64MiB', 'total size of its files; the oldest are deleted first'),
  }),
  log: z.strictObject({
    level: defineSetting(
      oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
      'info',
      'lowest level to print',
      'LOG_LEVEL',
    ),
    format: defineSetting(
      oneOf('auto', 'json', 'pretty'),
      'auto',
      'lines of JSON, or human-readable lines; auto is pretty on a terminal, else json',
      'LOG_FORMAT',
    ),
    blockedSeconds: defineSetting(
      integerValue(0, 3_600),
      3,
      'time after which the stack of code that blocks the event loop is written to standard error; 0: never',
    ),
  }),
  shutdown: z.strictObject({
    graceSeconds: defineSetting(integerValue(0, 600), 10, 'time that running work has to finish after SIGTERM'),
  }),
  failpoints: defineOptionalSetting(
    textValue('points such as store.append.after=exit@37'),
    'faults to inject; only with NODE_ENV=test',
  ),
});
export type Config = z.output<typeof Config> & {
  /** Settings at their default are absent. */
  readonly sources?: Readonly<Record<string, string>>;
};

export const settingsLayout = readSettingsLayout(Config);
export const { settings } = settingsLayout;
