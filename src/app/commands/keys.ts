import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type ApiKeyAdmin, type ApiKeyView, type NewKeyRequest, openApiKeys } from '../../auth/api-keys.ts';
import { readKeyPeppers } from '../../auth/pepper.ts';
import { connectToDataDir } from '../../cli/server.ts';
import type { Corral, Outputs } from '../../client/index.ts';
import { systemClock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { TrustRule } from '../../core/model/access/trust-rule.ts';
import { createIdSource } from '../../core/model/ids.ts';
import { adminPrincipal, roles } from '../../core/model/principal.ts';
import type { AuditLog } from '../../observability/audit/log.ts';
import { withAudit } from '../../sessions/access/audited-services.ts';
import { openServerAuditLog } from '../parts/audit-log.ts';
import { openCommandStore } from '../parts/store.ts';
import { parseWithUsage, type ServerCommandDefinition } from './command.ts';
import { loadLocalConfig } from './local-config.ts';
import { rotateKeys } from './rotate-keys.ts';

const usage =
  'create --role <role> --name <name> [--expires 30d] [--beside <id>] [--issuer <address> --claim <name>=<pattern>…] | list | revoke <id> | rotate | rotate-sandbox <session>';
const units = { h: 3_600_000, d: 86_400_000 } as const;
const Wish = z.object({
  role: z.enum(roles, `--role must be one of ${roles.join(', ')}`),
  name: z.string('--name is missing').trim().min(1, '--name is empty').max(100, '--name has more than 100 characters'),
  expires: z
    .string()
    .regex(/^[1-9]\d{0,4}[hd]$/, '--expires must be like 12h or 30d')
    .optional(),
  beside: z.string().optional(),
  issuer: z.string().optional(),
  claim: z.array(z.string().regex(/^[^=]+=./, '--claim must be like sub=repo:acme/app:ref:refs/heads/main')).optional(),
});

interface RotationOptions {
  readonly isChange: boolean;
  readonly mayBegin: boolean;
  readonly say: (line: string) => void;
}

async function opened({ isChange, mayBegin, say }: RotationOptions): Promise<{ keys: ApiKeyAdmin } & AsyncDisposable> {
  const config = loadLocalConfig();
  const dataDir = resolve(config.dataDir);
  const ids = createIdSource();
  const running = config.mongodbUrl ? undefined : connectToDataDir(dataDir);
  if (running) return { keys: ofRunning(running), [Symbol.asyncDispose]: async () => running.api.close() };
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openCommandStore({ ...config, dataDir }, { mayBegin, inUse }));
  const keys = stack.use(
    await openApiKeys({
      records: store.records,
      clock: systemClock,
      ids,
      shared: false,
      hasToken: config.token !== undefined,
      issuers: config.programs.issuers,
      peppers: () => readKeyPeppers({ ...config, dataDir }, () => ids.token()),
      warn: (_about, text) => say(text),
    }),
  );
  const logger = { info: () => {}, error: (_about: object, text: string) => say(text) };
  const place = { config: { ...config, dataDir }, clock: systemClock, ids, scrub: (text: string) => text, logger };
  const audit = isChange ? stack.use(await openServerAuditLog(place)) : undefined;
  const held = stack.move();
  return { keys: auditedKeys(keys, audit), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function auditedKeys(keys: ApiKeyAdmin, audit: AuditLog | undefined): ApiKeyAdmin {
  if (!audit) return keys;
  return withAudit(
    keys,
    { create: 'key.create', trust: 'key.trust', revoke: 'key.revoke' },
    {
      principalOf: () => adminPrincipal,
      now: () => systemClock.now(),
      tell: ({ action, target, outcome }) => audit.write({ action, target, outcome, by: 'command' }),
    },
  );
}

const toRequest = ({ name, role, beside, expiresAt }: NewKeyRequest) => ({
  ...{ name, role, ...(beside !== undefined && { beside }) },
  ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
});

function ofRunning(corral: Corral): ApiKeyAdmin {
  type Shown = Outputs['keys']['revoke'];
  const ms = (at: string | null) => (at === null ? null : Date.parse(at));
  const view = (key: Shown): ApiKeyView => ({
    ...key,
    createdAt: Date.parse(key.createdAt),
    expiresAt: ms(key.expiresAt),
    lastUsedAt: ms(key.lastUsedAt),
    revokedAt: ms(key.revokedAt),
  });
  return {
    list: async () => (await corral.call((api) => api.keys.list.query())).keys.map(view),
    async create(newKey) {
      const created = await corral.call((api) => api.keys.create.mutate(toRequest(newKey)));
      return { key: created.key, view: view(created.view) };
    },
    trust: async (newKey, trust) =>
      view(await corral.call((api) => api.keys.trust.mutate({ ...toRequest(newKey), trust }))),
    revoke: async (id) => view(await corral.call((api) => api.keys.revoke.mutate({ id }))),
  };
}

/** The server rotates the tokens, because it must also close the open streams. */
async function rotateSandbox(sessionId: string, print: (line: string) => void): Promise<number> {
  const running = connectToDataDir(resolve(loadLocalConfig().dataDir));
  if (!running) {
    throw new AppError(
      'conflict',
      'No server is running on this data folder. Start one, or call the tRPC procedure sandbox.rotateTokens on the server that uses it.',
    );
  }
  try {
    await running.call((api) => api.sandbox.rotateTokens.mutate({ sessionId }));
  } finally {
    await running.api.close();
  }
  print(`The tokens of ${sessionId} were replaced. Programs get the new ones by calling connect.`);
  return 0;
}

const inUse =
  'Create and revoke the keys of a running server with the tRPC procedures keys.create, keys.list and keys.revoke, with the token or a key of the role admin.';

const text = { type: 'string' } as const;
const options = {
  role: text,
  name: text,
  expires: text,
  beside: text,
  issuer: text,
  claim: { ...text, multiple: true },
} as const;

function parseRequest(args: readonly string[]): z.infer<typeof Wish> {
  const values = parseWithUsage(`keys needs ${usage}`, () => parseArgs({ args: [...args], options }).values);
  const parsed = Wish.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_request', `${parsed.error.issues[0]?.message}. keys needs ${usage}.`);
}

function readRule(rule: unknown): TrustRule {
  const parsed = TrustRule.safeParse(rule);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_request', `The rule for tokens is not valid: ${parsed.error.issues[0]?.message}.`);
}

async function create({ role, name, expires, beside, issuer, claim = [] }: z.infer<typeof Wish>, keys: ApiKeyAdmin) {
  const lifeMs = expires && Number.parseInt(expires, 10) * units[expires.slice(-1) as keyof typeof units];
  const claims = Object.fromEntries(
    claim.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
  );
  const trust = issuer === undefined ? undefined : readRule({ issuer, claims });
  const ends = lifeMs && { expiresAt: systemClock.now() + lifeMs };
  const newKey = { role, name, beside, ...ends };
  return trust ? { key: undefined, view: await keys.trust(newKey, trust) } : await keys.create(newKey);
}

const day = (at: number | null) => (at === null ? '-' : new Date(at).toISOString().slice(0, 16)).padEnd(16);
const line = ({ id, role, state, name, createdAt, expiresAt, lastUsedAt }: ApiKeyView) =>
  [id, role.padEnd(8), state.padEnd(7), day(createdAt), day(expiresAt), day(lastUsedAt), name].join('  ');

export const keysCommand: ServerCommandDefinition = {
  usage,
  about:
    'creates, lists and revokes API keys; a new one is printed once. rotate re-wraps stored provider keys with the first ' +
    'of the encryption keys. With SQLite, a running server carries out these commands, except rotate. rotate-sandbox ends the E2B ' +
    "tokens of one session's sandbox, and the streams that they opened",
  async run([what, ...rest], { print, say }) {
    const [id, ...more] = rest;
    if (what === 'rotate' && !id) return await rotateKeys({ print, say });
    if (what === 'rotate-sandbox' && id && more.length === 0) return await rotateSandbox(id, print);
    const isKnown = what === 'create' || (what === 'list' && !id) || (what === 'revoke' && id && more.length === 0);
    if (!isKnown) throw new AppError('invalid_request', `keys needs ${usage}.`);
    const requested = what === 'create' ? parseRequest(rest) : undefined;
    await using store = await opened({ isChange: what !== 'list', mayBegin: what === 'create', say });
    const { keys } = store;
    if (requested) {
      const { key, view } = await create(requested, keys);
      print(key ?? view.id);
      if (key) say('This key is shown once. Anyone who has it can use it: store it like a password.');
    } else if (what === 'list') {
      const all = await keys.list();
      if (all.length === 0) say('There are no keys.');
      else say('id            role      state    created           expires           last used         name');
      for (const key of all) print(line(key));
    } else {
      const { name } = await keys.revoke(id ?? '');
      print(`The key ${id} (${name}) is revoked.`);
    }
    return 0;
  },
};
