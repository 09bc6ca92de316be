import { z } from 'zod';
import { driverListText, driverSetting, driverSettingSections } from '../../../drivers/list.ts';
import { approvalRulesSettingKind } from '../../config/approval-rules.ts';
import {
  addressList,
  amount,
  flag,
  hosts,
  integer,
  listOf,
  networkList,
  oneOf,
  origins,
  paths,
  ports,
  secret,
  size,
  text,
  timeZone,
  url,
  wordList,
} from '../../config/kinds.ts';
import {
  type ChangeableSetting,
  markChangeable,
  optionalSecret,
  optionalSetting,
  type SettingForm,
  secretSetting,
  setting,
} from '../../config/setting.ts';
import { readSettingsLayout } from '../../config/settings.ts';
import { toolServersSettingKind } from '../../config/tool-servers.ts';
import { facadeSections } from '../../facades/list.ts';
import { isForgeServer } from '../../forges/list.ts';
import { model, models } from './models.ts';
import { browser, desktop, egress, sandbox } from './sandboxes.ts';
import { identityProxy, oidc, programs } from './sign-in.ts';
import { builds, keys, memory, retention, snapshots, storage, volumes } from './storage.ts';

const day = 24 * 60 * 60;
type Unit = Extract<SettingForm, { kind: 'amount' }>['unit'];
const budgetIn = (unit: Unit): ChangeableSetting => ({ section: 'budgets', form: { kind: 'amount', unit } });

const maxSnapshots = (whose: string) => optionalSetting(integer(0), `named snapshots of ${whose}`);
const heldLimits = (whose: string) => ({
  maxRunningRuns: optionalSetting(integer(0), `active runs of ${whose}; others wait`),
  maxCpus: optionalSetting(amount(0, 1e6), `sandbox processors of ${whose}`),
  maxMemory: optionalSetting(size(0), `sandbox memory of ${whose}`),
  maxDisk: optionalSetting(size(0), `disk of ${whose}`),
});
/** Runs reserve from these budgets, so concurrent runs cannot overspend. */
const periodBudgets = (whose: string) => ({
  dayTokenBudget: markChangeable(
    optionalSetting(integer(1), `tokens of ${whose} per day, see docs/budgets.md`),
    budgetIn('count'),
  ),
  dayCostBudget: markChangeable(
    optionalSetting(amount(0, 1e9), `cost of ${whose} per day in the price list's currency`),
    budgetIn('cost'),
  ),
  dayToolCallBudget: markChangeable(optionalSetting(integer(1), `tool calls of ${whose} per day`), budgetIn('count')),
  monthTokenBudget: markChangeable(optionalSetting(integer(1), `tokens of ${whose} per month`), budgetIn('count')),
  monthCostBudget: markChangeable(
    optionalSetting(amount(0, 1e9), `cost of ${whose} per month in the price list's currency`),
    budgetIn('cost'),
  ),
  monthToolCallBudget: markChangeable(
    optionalSetting(integer(1), `tool calls of ${whose} per month`),
    budgetIn('count'),
  ),
});

/** All settings. The path in kebab case is the key in corral.yaml; CORRAL_ and the path form the variable. */
export const Config = z.strictObject({
  host: setting(text('a host name or address'), '127.0.0.1', 'address to listen on', 'HOST'),
  port: setting(integer(0, 65_535), 8000, 'port to listen on; 0 picks a free one', 'PORT'),
  extraPorts: setting(ports(), [], 'more ports to listen on'),
  dataDir: setting(text('a folder'), './data', 'folder of the database, the sockets and the local files'),
  instance: optionalSetting(
    text('1 to 31 lower-case letters, digits and hyphens', /^[a-z0-9][a-z0-9-]{0,30}$/),
    'name of this installation in the labels of what it starts; unset: generated once and kept in the data folder',
  ),
  mongodbUrl: optionalSecret(
    secret('an address that begins with mongodb:// or mongodb+srv://', /^mongodb([+]srv)?:\/\/\S+$/),
    'where MongoDB stores the history, instead of SQLite',
    'MONGODB_URL',
  ),
  history: setting(
    oneOf('stored', 'memory'),
    'stored',
    'where sessions are kept: in SQLite or MongoDB, or in memory until the server stops',
  ),

  token: optionalSecret(secret(), 'bearer token that clients must send; required to listen on more than loopback'),
  oidc,
  identityProxy,
  programs,
  corsOrigins: optionalSetting(
    origins(),
    'origins whose pages can use the API like the built-in page; unset: localhost and 127.0.0.1 on ports 3000, 5173 and 5174, read-only without a token',
    'CORS_ORIGINS',
  ),
  allowedHosts: setting(hosts(), [], 'more names for the Host header on loopback'),
  trustedProxies: setting(
    addressList(),
    [],
    'proxies in front of this server whose X-Forwarded-For and X-Forwarded-Proto headers are trusted',
  ),
  rateLimitPerMinute: setting(integer(0), 3000, 'requests per minute for each token or address; 0: no limit'),
  maxConnectionsPerAddress: setting(
    integer(0),
    2000,
    'open connections per address, and requests in progress per address behind a trusted proxy; 0: no limit',
  ),
  maxBodyBytes: setting(size(1), '10MiB', 'largest JSON body'),
  maxUploadBytes: setting(size(1), '50MiB', 'largest upload'),
  ...facadeSections,

  storage,
  keys,

  driver: setting(
    driverSetting,
    'auto',
    `where sandboxes run (${driverListText}); auto is Docker if it answers, else process`,
  ),
  ...driverSettingSections,
  unconfined: setting(
    flag(),
    false,
    'lets a real model use processes without bubblewrap, or pods without enforced network policies',
  ),

  template: markChangeable(
    optionalSetting(
      text('the name of a template', /^[a-z][a-z0-9_-]{0,40}$/),
      'default template of new sessions; unset: only these settings',
    ),
    { section: 'template', form: { kind: 'template' } },
  ),
  model,
  models,

  replicas: z.strictObject({
    leaseSeconds: setting(integer(1, 300), 10, 'with a shared store: how long a dead server keeps its sessions'),
  }),
  maxSessions: setting(integer(1), 500, 'maximum number of sessions at the same time'),
  maxSessionsPerOwner: setting(
    integer(0),
    100,
    'maximum number of sessions per owner (see docs/budgets.md); 0: no limit',
  ),
  maxRunningRuns: setting(integer(1), 32, 'maximum number of active runs of this server; more are queued'),
  maxSteps: markChangeable(
    setting(integer(1), 100, 'maximum turns of the model per run; at the limit the run asks to continue'),
    budgetIn('count'),
  ),
  run: z.strictObject({
    timeoutSeconds: markChangeable(
      setting(integer(1, 7 * day), 1800, 'maximum time per run; at the limit the run asks to continue'),
      budgetIn('seconds'),
    ),
    tokenBudget: markChangeable(
      optionalSetting(integer(1), 'maximum tokens per run; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
    costBudget: markChangeable(
      optionalSetting(
        amount(0, 1e6),
        "maximum cost per run in the price list's currency; at the limit the run asks to continue",
      ),
      budgetIn('cost'),
    ),
    toolCallBudget: markChangeable(
      optionalSetting(integer(1), 'maximum tool calls per run; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
  }),
  stuck: z.strictObject({
    sameResult: setting(
      integer(2, 100),
      4,
      'repetitions of the same action with the same result after which a run is stuck',
    ),
    sameError: setting(integer(2, 100), 3, 'repetitions of the same error after which a run is stuck'),
    alternation: setting(integer(4, 100), 6, 'calls that alternate between two actions after which a run is stuck'),
    sameText: setting(integer(2, 100), 3, 'repetitions of the same text after which a run is stuck'),
    sameWait: setting(
      integer(2, 1_000),
      30,
      'repetitions of a call that waits for something after which a run is stuck',
    ),
  }),
  approvals: z.strictObject({
    rules: markChangeable(
      setting(
        approvalRulesSettingKind(),
        [],
        'rules that allow, ask about or deny calls by tool and pattern; the first matching rule decides, see docs/approvals.md',
      ),
      { section: 'approvals', form: { kind: 'rules' } },
    ),
    tools: markChangeable(
      setting(
        wordList('names of tools such as shell_exec, or *', /^([a-z][a-z0-9_]*|[*])$/),
        [],
        'tools whose calls need approval if no rule matches; * is all',
      ),
      { section: 'approvals', form: { kind: 'tools' } },
    ),
    timeoutSeconds: markChangeable(
      setting(integer(1, 7 * day), 600, 'how long a call waits for approval before it is refused'),
      { section: 'approvals', form: { kind: 'amount', unit: 'seconds' } },
    ),
  }),
  toolTimeoutSeconds: setting(integer(1, day), 600, 'maximum time of a command; then its process tree is killed'),
  maxEventsPerSession: setting(integer(100), 50_000, 'events kept per session'),
  retention,
  snapshots,
  volumes,
  builds,
  repositories: z.strictObject({
    authorName: setting(
      text('a name without < and >', /^[^<>\p{Cc}]{1,100}$/u),
      'Corral',
      'author of commits if the creator of a session named none',
    ),
    authorEmail: setting(
      text('an e-mail address', /^[^<>@\s]{1,100}@[^<>@\s]{1,100}$/),
      'corral@localhost',
      "that author's e-mail address",
    ),
    folders: setting(
      listOf('absolute paths of folders', z.string().regex(/^\/[^\p{Cc}]*$/u)),
      [],
      'folders on the server whose repositories sessions can start with, as file:///srv/git/project; everyone who can create sessions can read all their commits',
    ),
    checkpoints: setting(
      oneOf('repositories', 'all', 'none'),
      'repositories',
      'sessions whose files are saved after each run: those with repositories, all, or none',
    ),
    keepCheckpoints: setting(integer(2, 10_000), 100, 'number of newest checkpoints kept per session'),
    keepPrepared: setting(
      integer(0, 10_000),
      20,
      'number of prepared repositories kept per owner for later sessions, the last used; 0: none',
    ),
    preparedBytes: setting(size(1), '1GiB', 'maximum size of a prepared repository that is kept'),
    readyWorkspaces: setting(
      integer(0, 1_000),
      2,
      'number of prepared workspaces kept ready for new sessions, of all owners together; 0: none',
    ),
    readyHours: setting(integer(1, 1_000), 24, 'hours after which an unused ready workspace is removed'),
  }),
  forges: z.strictObject({
    servers: setting(
      listOf('forges such as gitea=https://git.example.com, gitlab=… or github=…', z.string().refine(isForgeServer)),
      [],
      'self-hosted forges where pull requests are opened; the public ones are built in, see docs/forges.md',
    ),
  }),
  workspaceGraceSeconds: setting(
    integer(0, day),
    30,
    'how long a workspace is kept after its last Workspace client disconnects',
  ),
  session: z.strictObject({
    passivateSeconds: setting(
      integer(1, day),
      60,
      'time after which an idle session is unloaded from memory; its history stays',
    ),
    turnBudget: markChangeable(
      optionalSetting(integer(1), 'maximum turns of the model per session; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
    tokenBudget: markChangeable(
      optionalSetting(integer(1), 'maximum tokens per session; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
    costBudget: markChangeable(
      optionalSetting(
        amount(0, 1e6),
        "maximum cost per session in the price list's currency; at the limit the run asks to continue",
      ),
      budgetIn('cost'),
    ),
    toolCallBudget: markChangeable(
      optionalSetting(integer(1), 'maximum tool calls per session; at the limit the run asks to continue'),
      budgetIn('count'),
    ),
    timeBudgetSeconds: markChangeable(
      optionalSetting(integer(1, 365 * day), 'maximum working time per session; at the limit the run asks to continue'),
      budgetIn('seconds'),
    ),
  }),
  budgetTimeZone: setting(timeZone(), 'UTC', 'time zone in which the days and months of budgets begin'),
  person: z.strictObject({ ...periodBudgets('one person'), ...heldLimits('one person') }),
  project: z.strictObject({
    ...periodBudgets('one project'),
    ...heldLimits('one project'),
    maxSessions: optionalSetting(integer(0), 'sessions of one project'),
    maxSnapshots: maxSnapshots('one project'),
  }),
  server: z.strictObject({ ...heldLimits('all sessions'), maxSnapshots: maxSnapshots('all sessions') }),
  memory,

  sandbox,
  egress,
  webhooks: z.strictObject({
    allowRanges: setting(networkList(), [], 'private networks that webhooks can reach'),
    pageUrl: optionalSetting(
      url('https', 'http'),
      'address of the page for links in webhooks; unset: only webhooks of a loopback server contain links',
    ),
  }),
  desktop,
  browser,
  mcp: z.strictObject({
    servers: secretSetting(toolServersSettingKind(), {}, 'MCP servers whose tools agents can call, see docs/mcp.md'),
    privateAddresses: setting(
      oneOf('auto', 'allow', 'refuse'),
      'auto',
      'whether administrators can add tool servers on this machine and in private networks on the page; auto: only on a loopback server without a token and keys',
    ),
  }),
  search: z.strictObject({
    engine: optionalSetting(
      oneOf('searxng', 'brave', 'tavily', 'google'),
      'the search engine of the tool web_search; unset: no such tool',
    ),
    baseUrl: optionalSetting(url('https', 'http'), "the engine's address; required for searxng"),
    key: optionalSecret(secret(), 'the key for brave, tavily or google'),
    engineId: optionalSetting(text('an id'), "the id (cx) of google's programmable search engine"),
  }),
  tools: z.strictObject({
    deny: markChangeable(
      setting(
        wordList('names of tools, groups such as bash, or globs such as browser_*', /^[a-z*][a-z0-9_*]*$/),
        [],
        'tools that no agent gets, in any template or project',
      ),
      { section: 'tools', form: { kind: 'tools' } },
    ),
    computer: setting(
      oneOf('off', 'claude', 'gemini'),
      'off',
      "gives agents the desktop's keyboard and mouse, in the format of this model family",
    ),
  }),
  extraCa: setting(
    paths(),
    [],
    'PEM files of more certificate authorities that the server and sandboxes trust; those in NODE_EXTRA_CA_CERTS are added',
  ),

  audit: z.strictObject({
    enabled: setting(flag(), true, "records who did what in the data folder's audit folder, see docs/audit.md"),
    maxBytes: setting(size(65_536), '64MiB', 'total size of its files; the oldest are deleted first'),
  }),
  log: z.strictObject({
    level: setting(
      oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
      'info',
      'lowest level to print',
      'LOG_LEVEL',
    ),
    format: setting(
      oneOf('auto', 'json', 'pretty'),
      'auto',
      'lines of JSON, or lines for people; auto is pretty on a terminal, else json',
      'LOG_FORMAT',
    ),
    blockedSeconds: setting(
      integer(0, 3_600),
      3,
      'time after which the stack of code that blocks the event loop is written to standard error; 0: never',
    ),
  }),
  shutdown: z.strictObject({
    graceSeconds: setting(integer(0, 600), 10, 'time to finish after SIGTERM'),
  }),
  failpoints: optionalSetting(
    text('points such as store.append.after=exit@37'),
    'faults to inject; only with NODE_ENV=test',
  ),
});
export type Config = z.output<typeof Config> & {
  /** The variable or corral.yaml key that set each setting; a setting at its default is absent. */
  readonly sources?: Readonly<Record<string, string>>;
};

export const settingsLayout = readSettingsLayout(Config);
export const { settings } = settingsLayout;
