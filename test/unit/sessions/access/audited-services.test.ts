import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { adminPrincipal, type Principal } from '../../../../src/core/model/principal.ts';
import {
  type AuditedCall,
  type AuditRecorder,
  auditServices,
  withAudit,
} from '../../../../src/sessions/access/audited-services.ts';
import { guardServices } from '../../../../src/sessions/access/guarded-services.ts';
import type { DesktopViewer } from '../../../../src/sessions/api/desktop.ts';
import type { MethodRule } from '../../../../src/sessions/api/rules.ts';
import { type Services, serviceRules } from '../../../../src/sessions/api/services.ts';

function audit(principal: Principal = adminPrincipal) {
  const reports: string[] = [];
  let time = 0;
  const it: AuditRecorder = {
    principalOf: () => principal,
    tell: ({ action, target, outcome }: AuditedCall) => void reports.push(`${action} ${target} ${outcome}`),
    now: () => time,
  };
  const pass = (ms: number) => {
    time += ms;
  };
  return { it, reports, pass };
}

test('the audit log has one row per call, with its target: its argument or its result', async () => {
  const { it, reports } = audit();
  const service = {
    create: async (_wish: object) => ({ id: 'made' }),
    delete: async (_id: string) => {},
    keep: async (_staged: readonly object[]) => [{ id: 'f1' }, { id: 'f2' }],
    list: async () => [],
  };
  const telling = withAudit(service, { create: 'a.create', delete: 'a.delete', keep: 'a.keep' }, it);
  await telling.create({ text: 'not to be logged' });
  await telling.delete('x');
  await telling.keep([{}, {}]);
  await telling.list();
  expect(reports).toEqual(['a.create made done', 'a.delete x done', 'a.keep f1 done', 'a.keep f2 done']);
});

test('a refused call fails and is audited with the reason', async () => {
  const { it, reports } = audit();
  const refuse = async (_id: string) => {
    throw new AppError('forbidden', 'No.');
  };
  await expect(withAudit({ refuse }, { refuse: 'a.refuse' }, it).refuse('x')).rejects.toThrow('No.');
  expect(reports).toEqual(['a.refuse x forbidden']);
});

/** Sessions of `owner`, and a desktop whose `watch` returns `viewer`. */
function services(owner: string | undefined, viewer?: DesktopViewer): Services {
  const sessions = { get: async () => ({ owner }), readFile: async () => 'text', page: async () => ({ events: [] }) };
  const others = { files: {}, processes: {}, sandboxes: {}, terminals: {}, streams: {}, projects: {} };
  return { sessions, desktop: { watch: async () => viewer }, ...others } as unknown as Services;
}
const rest = [new AbortController().signal] as const;

const me = { role: 'admin', key: 'k', owner: 'me' } as const;

test.each([
  ['an administrator', me, 'session.read s done'],
  ['somebody who may not', { ...me, role: 'user' }, 'session.read s session_not_found'],
] as const)("another owner's session, read by %s, is audited once in ten minutes", async (_, principal, row) => {
  const { it, reports, pass } = audit(principal);
  const input = services('you');
  const { sessions } = auditServices(input, input, it);
  const read = async () => {
    await sessions.readFile('s' as never, 'a.txt', ...rest);
    await sessions.page('s' as never, 0, 1);
  };
  await read();
  expect(reports).toEqual([row]);
  pass(599_999);
  await read();
  expect(reports).toHaveLength(1);
  pass(1);
  await read();
  expect(reports).toEqual([row, row]);
});

test.each([
  ['one’s own', 'me'],
  ['nobody’s', undefined],
])('a read of %s session is not audited', async (_, owner) => {
  const { it, reports } = audit(me);
  const input = services(owner);
  await auditServices(input, input, it).sessions.readFile('s' as never, 'a.txt', ...rest);
  expect(reports).toEqual([]);
});

test('a viewer that takes keyboard and mouse by a press is logged when it takes them, not with each press', async () => {
  const { it, reports } = audit();
  const viewer = {
    id: 'v',
    driver: undefined as string | undefined,
    uses() {
      viewer.driver = 'v';
      return true;
    },
    take: () => true,
    giveBack() {
      viewer.driver = undefined;
    },
  };
  const input = services(undefined, viewer as unknown as DesktopViewer);
  const watched = await auditServices(input, input, it).desktop.watch('s' as never, {} as never, ...rest);
  watched.uses('hands');
  watched.giveBack();
  for (let n = 0; n < 3; n++) expect(watched.uses('press')).toBe(true);
  expect(reports).toEqual(['desktop.watch s done', 'desktop.take s done']);
});

test('every method of every service is guarded, and logged once where its rule names an action', async () => {
  const { it, reports } = audit();
  // Every method of every service answers an object with an id.
  const any = new Proxy({}, { get: () => async () => ({ id: 'x', attachments: [], filter: () => [] }) });
  const raw = new Proxy({} as Services, { get: () => any });
  const all = auditServices(guardServices(raw, { principalOf: it.principalOf }), raw, it);
  for (const [name, { rules }] of Object.entries(serviceRules)) {
    const service = all[name as keyof Services] as object as Record<string, (...args: unknown[]) => Promise<unknown>>;
    expect(Object.keys(service).sort(), name).toEqual(Object.keys(rules).sort());
    for (const [method, { audit: action }] of Object.entries<MethodRule>(rules)) {
      reports.length = 0;
      await service[method]?.('x', {}, new AbortController().signal);
      const expected = action === null || action === 'look' ? [] : [`${action} x done`];
      expect(reports, `${name}.${method}`).toEqual(expected);
    }
  }
});

test.each(['list', 'logs'] as const)("%s of the processes in another owner's session is logged", async (method) => {
  const { it, reports } = audit(me);
  const all = { ...services('somebody'), processes: { list: async () => [], logs: async () => '' } };
  const { processes } = auditServices(all as never, all as never, it);
  await (processes[method] as (id: string) => unknown)('s');
  await expect.poll(() => reports).toEqual(['session.read s done']);
});
