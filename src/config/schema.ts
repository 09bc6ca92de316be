import { z } from 'zod';
import {
  address,
  amount,
  flag,
  hosts,
  networks,
  oneOf,
  origins,
  paths,
  ports,
  secret,
  size,
  text,
  url,
  userRange,
  whole,
  words,
} from './kinds.ts';

/** The description of a setting next to its schema. The list of variables, the help and the errors use it. */
export interface About {
  readonly about: string;
  readonly accepts: string;
  /** Common variables of other tools, without the prefix CORRAL_. */
  readonly standard: readonly string[];
  readonly isSecret: boolean;
  readonly fallback: unknown;
}
interface Kind<Schema extends z.ZodType> {
  accepts: string;
  kind: Schema;
}
const describe = ({ accepts }: { accepts: string }, about: string, standard: readonly string[], more: Partial<About>) =>
  ({ about, accepts, standard, isSecret: false, fallback: undefined, ...more }) satisfies About;

/** A setting with a default, in the form that a user would write. */
const setting = <Schema extends z.ZodType>(
  kind: Kind<Schema>,
  fallback: z.input<Schema>,
  about: string,
  ...standard: string[]
) => kind.kind.prefault(fallback as never).meta({ ...describe(kind, about, standard, { fallback }) });

/** A setting that can stay unset. */
const optional = <Schema extends z.ZodType>(kind: Kind<Schema>, about: string, ...standard: string[]) =>
  kind.kind.optional().meta({ ...describe(kind, about, standard, {}) });

const optionalSecret = <Schema extends z.ZodType>(kind: Kind<Schema>, about: string, ...standard: string[]) =>
  kind.kind.optional().meta({ ...describe(kind, about, standard, { isSecret: true }) });

const model = (provider: string, ...keys: string[]) =>
  z.strictObject({
    apiKey: optionalSecret(secret(), `key for ${provider}`, ...keys),
    baseUrl: optional(url('https', 'http'), `another endpoint that speaks ${provider}'s wire format`),
  });

const pages = ['localhost', '127.0.0.1'].flatMap((host) => [3000, 5173, 5174].map((port) => `http://${host}:${port}`));
/** Below 65536, because an engine with user namespaces maps no more users. */
export const dockerUsers = '40000-49999';
const day = 24 * 60 * 60;
const labelForm = /^[^=\s]+=[^=\s]*$/;

/** All settings. The path in kebab case is the key in corral.yaml; CORRAL_ and the path form the variable. */
export const Config = z.strictObject({
  host: setting(text('a host name or address'), '127.0.0.1', 'address to listen on', 'HOST'),
  port: setting(whole(0, 65_535), 8000, 'port to listen on; 0 picks a free one', 'PORT'),
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
  corsOrigins: setting(
    origins(),
    pages,
    'origins whose pages may read the API, and with a token use it',
    'CORS_ORIGINS',
  ),
  allowedHosts: setting(hosts(), [], 'further names for the Host header on loopback'),
  rateLimitPerMinute: setting(whole(0), 3000, 'requests a minute for each token or address; 0 is no limit'),
  maxConnectionsPerAddress: setting(
    whole(0),
    2000,
    'connections that one address may have open; 0 is no limit, as behind a reverse proxy',
  ),
  maxBodyBytes: setting(size(1), '10MiB', 'largest JSON body'),
  maxUploadBytes: setting(size(1), '50MiB', 'largest upload'),
  sheikhbox: z.strictObject({
    profile: setting(oneOf('current', 'v2.0'), 'current', 'which front end the SheikhBox dialect speaks to'),
  }),
  opencodex: z.strictObject({
    profile: setting(
      oneOf('current', 'first'),
      'current',
      'which front end the OpenCodex dialect speaks to; the oldest page, first, is told start where it joins a run',
    ),
  }),

  storage: z.strictObject({
    kind: setting(
      oneOf('auto', 'local', 's3', 'volume', 'mongo'),
      'auto',
      'where uploads are kept: the data folder, S3, a mounted folder, or beside the history in MongoDB; auto is mongo with MONGODB_URL, else local',
    ),
    path: optional(text('a folder'), 'the mounted folder; for local another one than files in the data folder'),
    s3: z.strictObject({
      endpoint: optional(url('https', 'http'), "another server that speaks S3 than the region's own"),
      region: setting(text('a region'), 'us-east-1', 'region of the bucket', 'AWS_REGION'),
      bucket: optional(text('the name of a bucket that exists'), 'bucket of the uploads'),
      prefix: setting(text('a path such as corral/', /^([^/]+\/)*$/), '', 'stands before the names of all objects'),
      accessKeyId: optionalSecret(secret(), 'access key', 'AWS_ACCESS_KEY_ID'),
      secretAccessKey: optionalSecret(secret(), 'its secret', 'AWS_SECRET_ACCESS_KEY'),
    }),
  }),
  keys: z.strictObject({
    encryptionKey: optionalSecret(
      secret('32 bytes as hex or base64; further ones after commas only open what they sealed'),
      'seals the stored keys of model providers; one is made in the data folder where neither this nor the file is set',
    ),
    encryptionKeyFile: optional(text('a file'), 'the same, one key to a line'),
  }),

  driver: setting(
    oneOf('auto', 'docker', 'kubernetes', 'process', 'memory'),
    'auto',
    'where sandboxes run; auto is Docker if it answers, else process',
  ),
  docker: z.strictObject({
    host: optional(text('an address such as unix:///var/run/docker.sock'), 'where Docker answers', 'DOCKER_HOST'),
    runtime: optional(
      text('a name such as runsc', /^[a-z0-9][a-z0-9._-]{0,62}$/),
      "what runs the containers, such as gVisor's runsc; unset: the engine's own",
    ),
    users: setting(
      userRange(),
      dockerUsers,
      'ids that no user of this machine has: each sandbox is one of them; none: all share 10001',
    ),
    socketsDir: optional(
      text('a folder'),
      "with the engine filter: its --root, where it makes each sandbox's folder; unset: in the data folder",
    ),
  }),
  process: z.strictObject({
    users: setting(
      userRange(),
      '1500000-1565535',
      'ids that no user of this machine has: under a server that runs as root each sandbox of bubblewrap is one of them; none: all share 10001',
    ),
  }),
  kubernetes: z.strictObject({
    kubeconfig: optional(
      text('a file, or several with : between them'),
      "who to ask and as whom; unset: the pod's own service account, or ~/.kube/config",
      'KUBECONFIG',
    ),
    context: optional(text('a name'), 'context of the kubeconfig; unset: its current one'),
    namespace: setting(text('a name', /^[a-z0-9-]{1,63}$/), 'corral-sandboxes', 'namespace of the pods'),
    reach: setting(
      oneOf('auto', 'pod-ip', 'port-forward'),
      'auto',
      'how pods are reached; auto is pod-ip in a pod, else port-forward, where all goes through the API server',
    ),
    daemonPort: setting(whole(1024, 65_535), 2718, 'port in the pod that the server asks'),
    egressListen: setting(address(), '0.0.0.0:8118', 'where the server waits for what pods ask of the outside'),
    egressAddress: optional(
      address(),
      'where pods reach that, such as the name of a service and its port; unset: they have no way out',
    ),
    serverNamespace: setting(text('a name', /^[a-z0-9-]{1,63}$/), 'corral', "namespace of the server's own pods"),
    serverLabels: setting(
      words('labels such as app=corral', labelForm),
      [],
      "labels of the server's own pods, for the network policies; none: by the addresses alone",
    ),
    networkPolicies: setting(
      oneOf('managed', 'given'),
      'managed',
      'whether the server puts them in place, or somebody else has, such as the chart',
    ),
    workspace: setting(
      oneOf('ephemeral', 'volume'),
      'ephemeral',
      'volume: a claim keeps the files of a session while its pod is gone; ephemeral: they go with the pod',
    ),
    storageClass: optional(text('a name'), "class of those claims; unset: the cluster's default"),
    runtimeClass: optional(text('a name such as gvisor'), 'runtime class of the pods'),
    seccompProfile: optional(
      text('a path such as corral.json', /^[\w.-]+(\/[\w.-]+)*$/),
      "Corral's seccomp profile on every node, below the kubelet's folder seccomp; unset: the profile of their runtime",
    ),
    priorityClass: optional(text('a name'), 'priority class of the pods'),
    nodeSelector: setting(words('labels such as disk=ssd', labelForm), [], 'labels of the nodes for the pods'),
    tolerations: setting(
      words(
        'taints such as sandboxes=only:NoSchedule',
        /^[^=:\s]+(=[^:\s]*)?(:(NoSchedule|PreferNoSchedule|NoExecute))?$/,
      ),
      [],
      'taints of nodes that the pods tolerate',
    ),
    imagePullSecrets: setting(words('names', /^[a-z0-9.-]+$/), [], 'secrets in the namespace that open registries'),
    imagePullPolicy: setting(oneOf('IfNotPresent', 'Always', 'Never'), 'IfNotPresent', 'when nodes pull the image'),
    requestShare: setting(amount(0.01, 1), 0.25, "part of a sandbox's limits that is reserved for it"),
    userNamespaces: setting(flag(), false, "pods' users are nobody on the node; nodes must be able to"),
    nodeLossSeconds: setting(whole(0, 3600), 30, 'a pod is given up when its node was away for so long'),
    pendingSeconds: setting(whole(1, 3600), 120, 'how long a pod may wait for a node or a registry'),
    maxInFlight: setting(whole(1, 1000), 10, 'requests to the API server at once'),
  }),
  unconfined: setting(
    flag(),
    false,
    'lets a real model use processes without bubblewrap, or pods that no network policy holds back',
  ),

  model: setting(
    text('demo, or provider/model such as gemini/gemini-2.5-flash', /^(demo|(gemini|openai|anthropic)\/\S+)$/),
    'demo',
    'the model that plans and works; demo needs no key and no network',
  ),
  models: z.strictObject({
    gemini: model('Gemini', 'GEMINI_API_KEY', 'GOOGLE_API_KEY'),
    openai: model('OpenAI', 'OPENAI_API_KEY'),
    anthropic: model('Anthropic', 'ANTHROPIC_API_KEY'),
  }),

  replicas: z.strictObject({
    leaseSeconds: setting(whole(1, 300), 10, 'on a shared store: how long a server that died keeps its sessions'),
  }),
  maxSessions: setting(whole(1), 500, 'sessions there may be at once'),
  maxSessionsPerOwner: setting(whole(0), 100, 'sessions that one owner (see docs/auth.md) may have; 0 is no limit'),
  maxStartingPerOwner: setting(whole(0), 16, 'new sessions of one owner that start at once; 0 is no limit'),
  maxRunningRuns: setting(whole(1), 32, 'runs that work at once; further ones wait their turn'),
  maxSteps: setting(whole(1), 100, 'turns of the model in one run; then it asks whether to go on'),
  run: z.strictObject({
    timeoutSeconds: setting(whole(1, 7 * day), 1800, 'time for one run; then it asks whether to go on'),
    tokenBudget: optional(whole(1), 'tokens for one run; then it asks whether to go on'),
    costBudget: optional(amount(0, 1e6), "cost of one run in the price list's currency; then it asks whether to go on"),
  }),
  stuck: z.strictObject({
    sameResult: setting(whole(2, 100), 4, 'same action with the same result, so often: the run is stuck'),
    sameError: setting(whole(2, 100), 3, 'same error, so often: the run is stuck'),
    alternation: setting(whole(4, 100), 6, 'two actions in turn over so many calls: the run is stuck'),
    sameText: setting(whole(2, 100), 3, 'same text, so often: the run is stuck'),
  }),
  approvals: z.strictObject({
    tools: setting(
      words('names of tools such as shell_exec, or *', /^([a-z][a-z0-9_]*|[*])$/),
      [],
      'tools whose calls wait until somebody approves them; * is all',
    ),
    timeoutSeconds: setting(whole(1, 7 * day), 600, 'how long a call waits for that; then it is not made'),
  }),
  toolTimeoutSeconds: setting(whole(1, day), 600, 'time for one command; then its whole tree is killed'),
  maxEventsPerSession: setting(whole(100), 50_000, 'events kept for each session'),
  retention: z.strictObject({
    days: setting(
      whole(0, 36_500),
      0,
      'a finished session is deleted when nothing happened in it for so long; 0 is never',
    ),
    maxSessions: setting(
      whole(0),
      0,
      'beyond so many stored sessions the finished ones that rested longest are deleted; 0 is no limit',
    ),
    maxBytes: setting(size(0), 0, 'the same by the size of all their histories together; 0 is no limit'),
    maxSessionBytes: setting(size(0), 0, 'beyond this the oldest events of a resting session go; 0 is no limit'),
  }),
  workspaceGraceSeconds: setting(whole(0, day), 30, 'how long a workspace outlives its last Workspace client'),
  session: z.strictObject({
    passivateSeconds: setting(whole(1, day), 60, 'an idle session leaves memory after this; its history stays'),
  }),

  sandbox: z.strictObject({
    image: setting(
      text('an image name'),
      'corral/sandbox',
      'image of every sandbox; the default is built on first use',
    ),
    isolation: setting(
      oneOf('standard', 'strict'),
      'standard',
      'strict: only sandboxes with a kernel of their own (gVisor or Kata); the server does not start where there is none',
    ),
    desktop: setting(
      flag(),
      false,
      'gives each sandbox a screen with a browser: a larger image, built on first use; 2GiB of memory is better then',
    ),
    memory: setting(size(64 * 2 ** 20), '1GiB', 'memory for each sandbox'),
    cpus: setting(amount(0.1, 512), 1, 'processors for each sandbox'),
    pids: setting(whole(32, 32_768), 512, 'processes and threads for each sandbox'),
    disk: setting(size(16 * 2 ** 20), '2GiB', 'files of each sandbox, its home included; what writes more is ended'),
    minFreeDisk: setting(
      size(0),
      '2GiB',
      'free space of the disk below which no sandbox starts, and the one that uses most is stopped; 0 is no floor',
    ),
    idleSeconds: setting(whole(1, 30 * day), 1800, 'an unused sandbox is stopped after this; its files stay'),
    ttlSeconds: setting(whole(60, 20 * day), day, 'a sandbox is ended at this age; its files stay'),
    startTimeoutSeconds: setting(whole(1, 3600), 300, 'time for a sandbox to start, making its image included'),
    maxStarting: setting(whole(1, 64), 4, 'sandboxes that start at once; further ones wait their turn'),
    warmPool: setting(whole(0, 1_000), 0, 'sandboxes that stand ready for new sessions (docker, kubernetes)'),
  }),
  egress: z.strictObject({
    policy: setting(oneOf('none', 'registries', 'allow-list', 'web'), 'registries', 'what a sandbox can reach'),
    allow: setting(hosts(), [], 'hosts that the policy allow-list lets through'),
    registries: setting(hosts(), [], "package hosts beside those of the image's own package managers"),
    allowRanges: setting(networks(), [], 'private networks that may be reached all the same'),
  }),
  desktop: z.strictObject({
    maxViewers: setting(whole(1, 1_000), 16, 'viewers that watch one desktop at once'),
    controlIdleSeconds: setting(
      whole(5, day),
      120,
      'a person who does nothing for so long has given keyboard and mouse back',
    ),
    clipboard: setting(flag(), false, "passes a viewer's clipboard on to the sandbox"),
    geometry: setting(text('width x height such as 1280x800', /^\d{3,4}x\d{3,4}$/), '1280x800', 'pixels of the screen'),
    idleSeconds: setting(whole(0, day), 0, 'a desktop that nobody uses or watches is stopped after this; 0 is never'),
  }),
  browser: z.strictObject({
    maxTabs: setting(whole(1, 100), 20, 'tabs an agent may have open; beyond them the oldest is closed'),
    maxDownload: setting(size(1), '200MiB', 'largest file that the browser may download'),
    screenshots: setting(whole(1, 10_000), 200, 'screenshots kept for each session, the newest'),
  }),
  tools: z.strictObject({
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
  }),
  shutdown: z.strictObject({
    graceSeconds: setting(whole(0, 600), 10, 'time to finish after SIGTERM'),
  }),
  failpoints: optional(text('points such as store.append.after=exit@37'), 'faults to inject; only with NODE_ENV=test'),
});
export type Config = z.output<typeof Config>;
