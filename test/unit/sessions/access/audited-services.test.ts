import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { everybody, type Principal } from '../../../../src/core/model/principal.ts';
import {
  type Audit,
  type AuditedCall,
  auditedServices,
  withAudit,
} from '../../../../src/sessions/access/audited-services.ts';
import { withPermissions } from '../../../../src/sessions/access/guarded-services.ts';
import type { DesktopViewer } from '../../../../src/sessions/api/desktop.ts';
import type { MethodRule } from '../../../../src/sessions/api/rules.ts';
import { type Services, serviceRules } from '../../../../src/sessions/api/services.ts';

function audit(principal: Principal = everybody) {
  const told: string[] = [];
  let time = 0;
  const it: Audit = {
    principalOf: () => principal,
    tell: ({ action, target, outcome }: AuditedCall) => void told.push(`${action} ${target} ${outcome}`),
    now: () => time,
  };
  const pass = (ms: number) => {
    time += ms;
  };
  return { it, told, pass };
}

test('the audit log has one row per call, with its target: its argument or its result', async () => {
  const { it, told } = audit();
  const service = {
    create: async (_wish: object) => ({ id: 'made' }),
    delete: async (_id: string) => {},
    keep: async (_staged: readonly object[]) => [{ id: 'f1' }, { id: 'f2' }],
    list: async () => [],
  };
  const telling = withAudit(service, { create: 'a.create', delete: 'a.delete', keep: 'a.keep' }, it);
  await telling.create({ text: 'not to be told' });
  await telling.delete('x');
  await telling.keep([{}, {}]);
  await telling.list();
  expect(told).toEqual(['a.create made done', 'a.delete x done', 'a.keep f1 done', 'a.keep f2 done']);
});

test('a refused call fails and is audited with the reason', async () => {
  const { it, told } = audit();
  const refuse = async (_id: string) => {
    throw new AppError('forbidden', 'No.');
  };
  await expect(withAudit({ refuse }, { refuse: 'a.refuse' }, it).refuse('x')).rejects.toThrow('No.');
  expect(told).toEqual(['a.refuse x forbidden']);
});

/** Sessions of `owner`, and a desktop whose `watch` returns `viewer`. */
function services(owner: string | undefined, viewer?: DesktopViewer): Services {
  const sessions = { get: async () => ({ owner }), readFile: async () => 'text', page: async () => ({ events: [] }) };
  const desktop = { watch: async () => viewer };
  const none = {};
  const others = { files: none, processes: none, sandboxes: none, terminals: none, streams: none, projects: none };
  return { sessions, desktop, ...others } as unknown as Services;
}
const rest = [new AbortController().signal] as const;

test.each([
  ['an administrator', { role: 'admin', key: 'k', owner: 'me' }, 'session.read s done'],
  ['somebody who may not', { role: 'user', key: 'k', owner: 'me' }, 'session.read s session_not_found'],
] as const)("another owner's session, read by %s, is audited once in ten minutes", async (_, principal, row) => {
  const { it, told, pass } = audit(principal);
  const given = services('you');
  const { sessions } = auditedServices(given, given, it);
  const read = async () => {
    await sessions.readFile('s' as never, 'a.txt', ...rest);
    await sessions.page('s' as never, 0, 1);
  };
  await read();
  expect(told).toEqual([row]);
  pass(599_999);
  await read();
  expect(told).toHaveLength(1);
  pass(1);
  await read();
  expect(told).toEqual([row, row]);
});

test.each([
  ['one’s own', 'me'],
  ['nobody’s', undefined],
])('a read of %s session is not audited', async (_, owner) => {
  const { it, told } = audit({ role: 'admin', key: 'k', owner: 'me' });
  const given = services(owner);
  await auditedServices(given, given, it).sessions.readFile('s' as never, 'a.txt', ...rest);
  expect(told).toEqual([]);
});

test('a viewer that takes keyboard and mouse by a press is told of when it takes them, not with each press', async () => {
  const { it, told } = audit();
  let driver: string | undefined;
  const viewer = {
    id: 'v',
    get driver() {
      return driver;
    },
    uses: () => {
      driver = 'v';
      return true;
    },
    take: () => true,
    giveBack: () => {
      driver = undefined;
    },
  } as unknown as DesktopViewer;
  const given = services(undefined, viewer);
  const watched = await auditedServices(given, given, it).desktop.watch('s' as never, {} as never, ...rest);
  watched.uses('hands');
  watched.giveBack();
  for (let n = 0; n < 3; n++) expect(watched.uses('press')).toBe(true);
  expect(told).toEqual(['desktop.watch s done', 'desktop.take s done']);
});

test('every method of every service is guarded, and told of once where its rule names an action', async () => {
  const { it, told } = audit();
  // Every method of every service answers an object with an id.
  const any = new Proxy({}, { get: () => async () => ({ id: 'x', attachments: [] }) });
  const raw = new Proxy({} as Services, { get: () => any });
  const all = auditedServices(withPermissions(raw, { principalOf: it.principalOf }), raw, it);
  for (const [name, { rules }] of Object.entries(serviceRules)) {
    const service = all[name as keyof Services] as object as Record<string, (...args: unknown[]) => Promise<unknown>>;
    expect(Object.keys(service).sort(), name).toEqual(Object.keys(rules).sort());
    for (const [method, { audit: action }] of Object.entries<MethodRule>(rules)) {
      told.length = 0;
      await service[method]?.('x', {}, new AbortController().signal);
      const wanted = action === null || action === 'look' ? [] : [`${action} x done`];
      expect(told, `${name}.${method}`).toEqual(wanted);
    }
  }
});

test.each(['list', 'logs'] as const)('%s of the processes of a foreign session is told of', async (method) => {
  const { it, told } = audit({ role: 'admin', key: 'k', owner: 'me' });
  const processes = { list: async () => [], logs: async () => '' };
  const all = { ...services('somebody'), processes } as unknown as Services;
  await (auditedServices(all, all, it).processes as unknown as Record<string, (id: string) => unknown>)[method]?.('s');
  await expect.poll(() => told).toEqual(['session.read s done']);
});
