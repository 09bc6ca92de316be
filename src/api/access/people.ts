import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { accountOf, hasRole, roles, tooWeak } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { Done, Time } from '../procedure/schemas.ts';

// The people who signed in with an identity provider, and the browsers and commands in which they are signed in.

const Me = z.object({
  /** Null: the caller has a key or the token, or needs none. */
  person: z.string().nullable(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  role: z.enum(roles).nullable(),
});
const Device = z.object({
  id: z.string(),
  kind: z.enum(['browser', 'command']),
  /** The program, as it describes itself. */
  agent: z.string(),
  createdAt: Time,
  lastSeenAt: Time,
  /** The caller's own. */
  isThis: z.boolean(),
});
const Person = z.object({
  id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  issuer: z.string(),
  subject: z.string(),
  groups: z.array(z.string()).readonly(),
  /** Null: the groups no longer give a role. */
  role: z.enum(roles).nullable(),
  /** The owner of what the person creates. */
  owner: z.string(),
  disabled: z.boolean(),
  createdAt: Time,
  lastSeenAt: Time,
});
const DeviceId = z.strictObject({ id: z.string().max(100) });
const PersonChange = z.strictObject({
  id: z.string().max(100),
  /** Ends the person's access, or gives it back. */
  disabled: z.boolean().optional(),
  /** The id of a key. The person takes over its owner, and with it the owner's sessions. */
  ownerOf: z.string().max(100).optional(),
});

/** The people, for administrators; throws for all others. */
function peopleFor({ principal, people }: Pick<CallerContext, 'principal' | 'people'>) {
  if (!hasRole(principal, 'admin')) throw tooWeak(principal);
  if (!people) throw new AppError('unsupported', 'This server has no identity provider.');
  return people;
}

const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server' });
const example: z.output<typeof Person> = {
  id: '5f0c3d9b21aa',
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  issuer: 'https://login.example.com',
  subject: '248289761001',
  groups: ['engineering'],
  role: 'user',
  owner: '5f0c3d9b21aa',
  disabled: false,
  createdAt: '2026-11-24T12:00:00.000Z',
  lastSeenAt: '2026-11-24T12:00:00.000Z',
};
const forAdmins = 'For the role admin.';

export const peopleRouter = router({
  me: operation({
    rest: 'GET /api/v1/people/me',
    id: 'me',
    summary: 'Get the person who calls',
    may: 'any',
    out: Me,
    answer: { person: example.id, name: example.name, email: example.email, role: 'user' },
    fails: [401],
  }).query(({ ctx: { principal, people } }) => {
    const found = people?.byKey(principal.person);
    return {
      person: found?.key ?? null,
      name: found?.name ?? null,
      email: found?.email ?? null,
      role: hasRole(principal, 'viewer') ? (principal.role as 'user') : null,
    };
  }),
  devices: operation({
    rest: 'GET /api/v1/people/me/devices',
    id: 'devices',
    summary: 'List the browsers and commands in which the caller is signed in',
    may: 'any',
    out: z.object({ devices: z.array(Device) }),
    answer: {
      devices: [
        {
          id: 'a1b2c3d4e5f6',
          kind: 'browser',
          agent: 'Firefox',
          createdAt: example.createdAt,
          lastSeenAt: example.lastSeenAt,
          isThis: true,
        },
      ],
    },
    fails: [401],
  }).query(({ ctx: { principal, people } }) => ({
    devices: (people?.devicesOf(accountOf(principal)) ?? []).map((device) => ({
      ...device,
      isThis: device.id === principal.key,
    })),
  })),
  endDevice: operation({
    rest: 'DELETE /api/v1/people/me/devices/:id',
    id: 'endDevice',
    summary: 'Sign out of another of your browsers or commands; its open streams end',
    may: 'any',
    in: DeviceId,
    out: Done,
    answer: { ok: true },
    fails: [401, 422],
  }).mutation(async ({ ctx: { principal, people }, input }) => {
    await people?.endDevice(input.id, accountOf(principal));
    return { ok: true as const };
  }),
  allowCommand: operation({
    rest: 'POST /api/v1/people/me/commands',
    id: 'allowCommand',
    summary: 'Allow a command of `corral login` to act for the person on the page',
    may: 'any',
    in: z.strictObject({
      /** The SHA-256 of the command's verifier, as base64url. */
      challenge: z.string().regex(/^[\w-]{43}$/),
      /** The command and its machine, as the person reads them. */
      agent: z.string().max(100),
    }),
    out: z.object({ code: z.string() }),
    example: { challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', agent: 'corral on laptop' },
    answer: { code: 'eyJ2IjoxLCJraWQiOiI1ZjBjM2Q5YjIxYWEifQ' },
    fails: [401, 403, 413, 422],
  }).mutation(async ({ ctx: { principal, people }, input }) => {
    if (!people) throw new AppError('unsupported', 'This server has no identity provider.');
    return { code: await people.allowCommand(principal.key, input) };
  }),
  list: operation({
    rest: 'GET /api/v1/people',
    id: 'people',
    summary: 'List the people who signed in',
    description: forAdmins,
    may: 'admin',
    out: z.object({ people: z.array(Person) }),
    answer: { people: [example] },
    fails: [401, 403],
  }).query(({ ctx: { principal, people } }) => {
    if (!hasRole(principal, 'admin')) throw tooWeak(principal);
    return { people: people?.list() ?? [] };
  }),
  change: operation({
    rest: 'PATCH /api/v1/people/:id',
    id: 'changePerson',
    summary: "End a person's access, or hand over the sessions of a key to the person",
    description: `${forAdmins} What the person created before under another owner stays with that owner.`,
    may: 'admin',
    in: PersonChange,
    out: Person,
    example: { disabled: false },
    answer: example,
    fails: [401, 403, 404, 409, 413, 422],
  }).mutation(async ({ ctx, input: { id, ...fields } }) => await peopleFor(ctx).change(id, fields)),
});
