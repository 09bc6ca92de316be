import { z } from 'zod';
import { driverChoice, driverLabels, driverSections } from '../../../drivers/list.ts';
import { approvalRules } from '../../config/approval-rules.ts';
import {
  addresses,
  amount,
  flag,
  hosts,
  integer,
  listOf,
  networks,
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
  changeable,
  optional,
  optionalSecret,
  type SettingForm,
  secretSetting,
  setting,
} from '../../config/setting.ts';
import { layoutOf } from '../../config/settings.ts';
import { toolServers } from '../../config/tool-servers.ts';
import { facadeSections } from '../../facades/list.ts';
import { isServer } from '../../forges/list.ts';
import { model, models } from './models.ts';
import { browser, desktop, egress, sandbox } from './sandboxes.ts';
import { builds, keys, memory, retention, snapshots, storage, volumes } from './storage.ts';

const day = 24 * 60 * 60;
type Unit = Extract<SettingForm, { kind: 'amount' }>['unit'];
const budgetIn = (unit: Unit): ChangeableSetting => ({ section: 'budgets', form: { kind: 'amount', unit } });

/** The limits that all runs of one person or project share; they reserve from them, so that no two runs overspend. */
const periodBudgets = (whose: string) =>
  z.strictObject({
    dayTokenBudget: changeable(
      optional(integer(1), `tokens of ${whose} in a day; then its runs wait, see docs/budgets.md`),
      budgetIn('count'),
    ),
    dayCostBudget: changeable(
      optional(amount(0, 1e9), `cost of ${whose} in a day in the price list's currency; then its runs wait`),
      budgetIn('cost'),
    ),
    dayToolCallBudget: changeable(
      optional(integer(1), `tool calls of agents of ${whose} in a day; then its runs wait`),
      budgetIn('count'),
    ),
    monthTokenBudget: changeable(
      optional(integer(1), `tokens of ${whose} in a month; then its runs wait`),
      budgetIn('count'),
    ),
    monthCostBudget: changeable(
      optional(amount(0, 1e9), `cost of ${whose} in a month in the price list's currency; then its runs wait`),
      budgetIn('cost'),
    ),
    monthToolCallBudget: changeable(
      optional(integer(1), `tool calls of agents of ${whose} in a month; then its runs wait`),
      budgetIn('count'),
    ),
  });

/** All settings. The path in kebab case is the key in corral.yaml; CORRAL_ and the path form the variable. */
export const Config = z.strictObject({
  host: setting(text('a host name or address'), '127.0.0.1', 'address to listen on', 'HOST'),
  port: setting(integer(0, 65_535), 8000, 'port to listen on; 0 picks a free one', 'PORT'),
  extraPorts: setting(ports(), [], 'further ports to listen on'),
  dataDir: setting(text('a folder'), './data', 'folder of the database, the sockets and the local files'),
  instance: optional(
    text('1 to 31 lower-case letters, digits and hyphens', /^[a-z0-9][a-z0-9-]{0,30}$/),
    'name of this installation in the labels of what it starts; made once and kept in the data folder where unset',
  ),
  mongodbUrl: optionalSecret(
    secret('an address that begins with mongodb:// or mongodb+srv://', /^mongodb([+]srv)?:\/\/\S+$/),
    'MongoDB keeps the history instead of SQLite',
    'MONGODB_URL',
  ),
  history: setting(
    oneOf('stored', 'memory'),
    'stored',
    'where sessions are kept: in SQLite or MongoDB, or in memory, where all of them are gone when the server stops',
  ),

  token: optionalSecret(secret(), 'bearer token that clients must present; needed to listen beyond loopback'),
  corsOrigins: optional(
    origins(),
    'origins whose pages may use the API as the own page does; where unset, those of localhost and 127.0.0.1 on ports 3000, 5173 and 5174, which without a token only read',
    'CORS_ORIGINS',
  ),
  allowedHosts: setting(hosts(), [], 'further names for the Host header on loopback'),
  trustedProxies: setting(
    addresses(),
    [],
    'proxies before this server, from which X-Forwarded-For and X-Forwarded-Proto say who calls and by which scheme',
  ),
  rateLimitPerMinute: setting(integer(0), 3000, 'requests a minute for each token or address; 0 is no limit'),
  maxConnectionsPerAddress: setting(
    integer(0),
    2000,
    'connections that one address may have open, and requests of one address behind a trusted proxy; 0 is no limit',
  ),
  maxBodyBytes: setting(size(1), '10MiB', 'largest JSON body'),
  maxUploadBytes: setting(size(1), '50MiB', 'largest upload'),
  ...facadeSections,

  storage,
  keys,

  driver: setting(
    driverChoice,
    'auto',
    `where sandboxes run (${driverLabels}); auto is Docker if it answers, else process`,
  ),
  ...driverSections,
  unconfined: setting(
    flag(),
    false,
    'lets a real model use processes without bubblewrap, or pods that no network policy holds back',
  ),

  template: changeable(
    optional(
      text('the name of a template', /^[a-z][a-z0-9_-]{0,40}$/),
      'template of sessions whose creator names none; unset: only these settings',
    ),
    { section: 'template', form: { kind: 'template' } },
  ),
  model,
  models,

  replicas: z.strictObject({
    leaseSeconds: setting(integer(1, 300), 10, 'on a shared store: how long a server that died keeps its sessions'),
  }),
  maxSessions: setting(integer(1), 500, 'sessions there may be at once'),
  maxSessionsPerOwner: setting(integer(0), 100, 'sessions that one owner (see docs/auth.md) may have; 0 is no limit'),
  maxStartingPerOwner: setting(integer(0), 16, 'new sessions of one owner that start at once; 0 is no limit'),
  maxRunningRuns: setting(integer(1), 32, 'runs that work at once; further ones wait their turn'),
  maxSteps: changeable(
    setting(integer(1), 100, 'turns of the model in one run; then it asks whether to go on'),
    budgetIn('count'),
  ),
  run: z.strictObject({
    timeoutSeconds: changeable(
      setting(integer(1, 7 * day), 1800, 'time for one run; then it asks whether to go on'),
      budgetIn('seconds'),
    ),
    tokenBudget: changeable(
      optional(integer(1), 'tokens for one run; then it asks whether to go on'),
      budgetIn('count'),
    ),
    costBudget: changeable(
      optional(amount(0, 1e6), "cost of one run in the price list's currency; then it asks whether to go on"),
      budgetIn('cost'),
    ),
    toolCallBudget: changeable(
      optional(integer(1), 'tool calls in one run; then it asks whether to go on'),
      budgetIn('count'),
    ),
  }),
  stuck: z.strictObject({
    sameResult: setting(integer(2, 100), 4, 'same action with the same result, so often: the run is stuck'),
    sameError: setting(integer(2, 100), 3, 'same error, so often: the run is stuck'),
    alternation: setting(integer(4, 100), 6, 'two actions in turn over so many calls: the run is stuck'),
    sameText: setting(integer(2, 100), 3, 'same text, so often: the run is stuck'),
    sameWait: setting(
      integer(2, 1_000),
      30,
      'the same again, so often, where a call waits for something: the run is stuck',
    ),
  }),
  approvals: z.strictObject({
    rules: changeable(
      setting(
        approvalRules(),
        [],
        'rules that allow, ask about or deny calls by tool and pattern; the first that is about a call decides, see docs/approvals.md',
      ),
      { section: 'approvals', form: { kind: 'rules' } },
    ),
    tools: changeable(
      setting(
        wordList('names of tools such as shell_exec, or *', /^([a-z][a-z0-9_]*|[*])$/),
        [],
        'tools whose calls wait until somebody approves them, where no rule is about the call; * is all',
      ),
      { section: 'approvals', form: { kind: 'tools' } },
    ),
    timeoutSeconds: changeable(
      setting(integer(1, 7 * day), 600, 'how long a call waits for that; then it is not made'),
      { section: 'approvals', form: { kind: 'amount', unit: 'seconds' } },
    ),
  }),
  toolTimeoutSeconds: setting(integer(1, day), 600, 'time for one command; then its whole tree is killed'),
  maxEventsPerSession: setting(integer(100), 50_000, 'events kept for each session'),
  retention,
  snapshots,
  volumes,
  builds,
  repositories: z.strictObject({
    authorName: setting(
      text('a name without < and >', /^[^<>\p{Cc}]{1,100}$/u),
      'Corral',
      'whom commits name as author where the creator of a session named nobody',
    ),
    authorEmail: setting(
      text('an e-mail address', /^[^<>@\s]{1,100}@[^<>@\s]{1,100}$/),
      'corral@localhost',
      'the address of that author',
    ),
    folders: setting(
      listOf('absolute paths of folders', z.string().regex(/^\/[^\p{Cc}]*$/u)),
      [],
      'folders of the server whose repositories sessions can begin with, as file:///srv/git/project; each caller who creates sessions can read all of their commits',
    ),
    checkpoints: setting(
      oneOf('repositories', 'all', 'none'),
      'repositories',
      'the sessions whose files are kept as each run left them: those with repositories, all, or none',
    ),
    keepCheckpoints: setting(integer(2, 10_000), 100, 'checkpoints that a session keeps, the newest'),
    keepPrepared: setting(
      integer(0, 10_000),
      20,
      'prepared repositories whose files an owner keeps for later sessions, those used last; 0 keeps none',
    ),
    preparedBytes: setting(size(1), '1GiB', 'larger files of a prepared repository are not kept'),
    readyWorkspaces: setting(
      integer(0, 1_000),
      2,
      'workspaces with prepared files that the server keeps ready for sessions to come, of all owners together; 0: none',
    ),
    readyHours: setting(integer(1, 1_000), 24, 'hours after which a ready workspace that nobody took is removed'),
  }),
  forges: z.strictObject({
    servers: setting(
      listOf('forges such as gitea=https://git.example.com, gitlab=… or github=…', z.string().refine(isServer)),
      [],
      'forges of your own, where pull requests of their repositories are opened; the public ones are known, see docs/forges.md',
    ),
  }),
  workspaceGraceSeconds: setting(integer(0, day), 30, 'how long a workspace outlives its last Workspace client'),
  session: z.strictObject({
    passivateSeconds: setting(integer(1, day), 60, 'an idle session leaves memory after this; its history stays'),
    turnBudget: changeable(
      optional(integer(1), 'turns of the model in all runs of one session; then it asks whether to go on'),
      budgetIn('count'),
    ),
    tokenBudget: changeable(
      optional(integer(1), 'tokens for all runs of one session; then it asks whether to go on'),
      budgetIn('count'),
    ),
    costBudget: changeable(
      optional(
        amount(0, 1e6),
        "cost of all runs of one session in the price list's currency; then it asks whether to go on",
      ),
      budgetIn('cost'),
    ),
    toolCallBudget: changeable(
      optional(integer(1), 'tool calls in all runs of one session; then it asks whether to go on'),
      budgetIn('count'),
    ),
    timeBudgetSeconds: changeable(
      optional(integer(1, 365 * day), 'working time for all runs of one session; then it asks whether to go on'),
      budgetIn('seconds'),
    ),
  }),
  budgetTimeZone: setting(timeZone(), 'UTC', 'time zone of the days and months of the budgets of people and projects'),
  person: periodBudgets('one person (the owner of sessions)'),
  project: periodBudgets('one project'),
  memory,

  sandbox,
  egress,
  webhooks: z.strictObject({
    allowRanges: setting(networks(), [], 'private networks that webhooks may reach all the same'),
    pageUrl: optional(
      url('https', 'http'),
      'the address of the page, for the links in webhooks; without it only those of a server on loopback have one',
    ),
  }),
  desktop,
  browser,
  mcp: z.strictObject({
    servers: secretSetting(
      toolServers(),
      {},
      'servers of the Model Context Protocol whose tools agents can call, see docs/mcp.md',
    ),
    privateAddresses: setting(
      oneOf('auto', 'allow', 'refuse'),
      'auto',
      'whether administrators can enter tool servers at addresses of this machine and of private networks in the page; auto allows it on a server on loopback that needs no token and has no keys',
    ),
  }),
  search: z.strictObject({
    engine: optional(
      oneOf('searxng', 'brave', 'tavily', 'google'),
      'the search engine of the tool web_search; without one there is no such tool',
    ),
    baseUrl: optional(url('https', 'http'), "the engine's address; searxng has none of its own"),
    key: optionalSecret(secret(), 'the key for brave, tavily or google'),
    engineId: optional(text('an id'), 'the id of the programmable search engine (cx) of google'),
  }),
  tools: z.strictObject({
    deny: changeable(
      setting(
        wordList('names of tools, groups such as bash, or globs such as browser_*', /^[a-z*][a-z0-9_*]*$/),
        [],
        'tools that no agent has, in no template and no project',
      ),
      { section: 'tools', form: { kind: 'tools' } },
    ),
    computer: setting(
      oneOf('off', 'claude', 'gemini'),
      'off',
      "gives agents the desktop's keyboard and mouse, in the shape that the named family of models knows",
    ),
  }),
  extraCa: setting(
    paths(),
    [],
    'PEM files of further authorities that server and sandboxes trust; those in NODE_EXTRA_CA_CERTS are added',
  ),

  audit: z.strictObject({
    enabled: setting(flag(), true, 'keeps who did what in the folder audit of the data folder, see docs/audit.md'),
    maxBytes: setting(size(65_536), '64MiB', 'size of all its files together; beyond that the oldest go'),
  }),
  log: z.strictObject({
    level: setting(
      oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
      'info',
      'least severe line to print',
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
      'time after which the stack of work that holds up all others is written to standard error; 0: never',
    ),
  }),
  shutdown: z.strictObject({
    graceSeconds: setting(integer(0, 600), 10, 'time to finish after SIGTERM'),
  }),
  failpoints: optional(text('points such as store.append.after=exit@37'), 'faults to inject; only with NODE_ENV=test'),
});
export type Config = z.output<typeof Config> & {
  /** The variable that set a setting, or its key in corral.yaml; a setting at its default is absent. */
  readonly sources?: Readonly<Record<string, string>>;
};

export const layout = layoutOf(Config);
export const { settings } = layout;
