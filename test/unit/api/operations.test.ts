import { expect, test } from 'vitest';
import { type DescribedOperation, listOperations } from '../../../src/api/procedure/procedure.ts';
import { appRouter } from '../../../src/api/router.ts';
import type { Principal } from '../../../src/core/model/principal.ts';

const checkedHere = listOperations(appRouter)
  .filter(({ meta }) => meta.of.find)
  .map((operation) => [operation.name, operation] as const);

async function call(operation: DescribedOperation, principal: Principal) {
  const reports: string[] = [];
  const touched: string[] = [];
  const resource = new Proxy(
    {},
    { get: (_, method: string) => async () => (method === 'get' ? { owner: 'its-owner' } : void touched.push(method)) },
  );
  const unchecked = new Proxy({}, { get: () => resource });
  const audit = {
    tell: ({ action, outcome }: { action: string; outcome: string }) => reports.push(`${action} ${outcome}`),
  };
  const calls = { enter: () => ({ [Symbol.dispose]: () => {} }) };
  const ctx = { principal, unchecked, services: {}, audit, calls } as never;
  const rejected = await operation.call({ id: 'x' }, { ctx, signal: AbortSignal.abort() }).then(
    () => undefined,
    (thrown: { code?: string }) => thrown.code,
  );
  return { reports, touched, rejected };
}

test.each(checkedHere)(
  '%s refuses callers that its description leaves out, as the audit log says',
  async (_name, one) => {
    const { may, audit } = one.meta;
    const stranger = await call(one, { role: 'user', key: 'k', owner: 'a-stranger' });
    const viewer = await call(one, { role: 'viewer', key: 'k', owner: 'its-owner' });
    const ofItem = may === 'see' || may === 'read' || may === 'work' || may === 'stop';
    const code = ofItem ? 'not_found' : 'forbidden';
    if (ofItem || may === 'admin' || may === 'operator') {
      expect(stranger).toEqual({
        reports: audit === undefined ? [] : [`${audit} ${code}`],
        touched: [],
        rejected: code,
      });
    }
    if (may !== 'any' && may !== 'see' && may !== 'read')
      expect([viewer.rejected, viewer.touched]).toEqual(['forbidden', []]);
    const admin = await call(one, { role: 'admin' });
    expect(admin.rejected).not.toBe('forbidden');
    expect(admin.reports.map((line) => line.split(' ')[0])).toEqual(audit === undefined ? [] : [audit]);
  },
);
