import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { hasRole, manageableAccountOf, roles } from '../../core/model/principal.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { IsoTime, OkResult } from '../procedure/schemas.ts';

const Me = z.object({
  person: z.string().nullable(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  role: z.enum(roles).nullable(),
});
const Device = z.object({
  id: z.string(),
  kind: z.enum(['browser', 'command']),
  agent: z.string(),
  createdAt: IsoTime,
  lastSeenAt: IsoTime,
  isThis: z.boolean(),
});
const Person = z.object({
  id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  issuer: z.string(),
  subject: z.string(),
  groups: z.array(z.string()).readonly(),
  /** Null if the person's groups no longer grant a role. */
  role: z.enum(roles).nullable(),
  owner: z.string(),
  disabled: z.boolean(),
  createdAt: IsoTime,
  lastSeenAt: IsoTime,
  sessions: z.int(),
});
const PeopleInput = z.strictObject({
  text: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
  after: z.string().max(100).optional(),
});
const DeviceId = z.strictObject({ id: z.string().max(100) });
const PersonChange = z.strictObject({
  id: z.string().max(100),
  disabled: z.boolean().optional(),
  /** The id of a key. Gives the person access to the sessions of the key's owner. */
  ownerOf: z.string().max(100).optional(),
});

function peopleFor({ people }: Pick<CallerContext, 'people'>) {
  if (!people) throw new AppError('unsupported', 'This server has no identity provider.');
  return people;
}

const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server', find: async () => ({}) });
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
  sessions: 12,
};
const forAdmins = 'For the role admin.';

type PersonView = ReturnType<NonNullable<CallerContext['people']>['list']>[number];
async function withSessions(people: readonly PersonView[], { unchecked }: Pick<CallerContext, 'unchecked'>) {
  const counts = await unchecked.administration.countSessions(
    'owner',
    people.map(({ owner }) => owner),
  );
  return people.map((person, n) => ({ ...person, sessions: counts[n] ?? 0 }));
}
const wordsOf = ({ name, email, subject, groups }: PersonView) =>
  [name ?? '', email ?? '', subject, ...groups].join('\n').toLowerCase();
const byLastSeen = (one: PersonView, other: PersonView) =>
  other.lastSeenAt - one.lastSeenAt || (one.id < other.id ? -1 : 1);

export const peopleRouter = router({
  me: operation({
    rest: 'GET /api/v1/people/me',
    id: 'me',
    summary: 'Get the person who makes the request',
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
    devices: (people?.listDevices(manageableAccountOf(principal)) ?? []).map((device) => ({
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
    out: OkResult,
    answer: { ok: true },
    fails: [401, 422],
  }).mutation(async ({ ctx: { principal, people }, input }) => {
    await people?.endDevice(input.id, manageableAccountOf(principal));
    return { ok: true as const };
  }),
  allowCommand: operation({
    rest: 'POST /api/v1/people/me/commands',
    id: 'allowCommand',
    summary: 'Allow a command of `corral login` to act for the person on the page',
    may: 'any',
    in: z.strictObject({
      /** The base64url-encoded SHA-256 hash of the login command's verifier. */
      challenge: z.string().regex(/^[\w-]{43}$/),
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
    summary: 'List the people who signed in, the last seen first',
    description: 'For the roles admin and auditor.',
    may: 'auditor',
    in: PeopleInput,
    out: z.object({ people: z.array(Person), next: z.string().nullable() }),
    answer: { people: [example], next: null },
    fails: [401, 403, 422],
  }).query(async ({ ctx, input: { text = '', limit, after } }) => {
    const all = (ctx.people?.list() ?? [])
      .filter((person) => wordsOf(person).includes(text.toLowerCase()))
      .sort(byLastSeen);
    const from = all.findIndex(({ id }) => id === after) + 1;
    const page = all.slice(from, from + limit);
    const next = from + limit < all.length ? (page.at(-1)?.id ?? null) : null;
    return { people: await withSessions(page, ctx), next };
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
  }).mutation(async ({ ctx, input: { id, ...fields } }) => {
    const [person] = await withSessions([await peopleFor(ctx).change(id, fields)], ctx);
    return person as NonNullable<typeof person>;
  }),
});
