import { expect, test } from 'vitest';
import { type CallableOperation, callOperation } from '../../../src/api/procedure/procedure.ts';
import { appRouter } from '../../../src/api/router.ts';
import type { Principal } from '../../../src/core/model/principal.ts';

const operations = Object.entries(appRouter._def.procedures as unknown as Record<string, CallableOperation>);
const checkedHere = operations.filter(([, { _def }]) => _def.meta?.of.find);

async function call(path: string, operation: CallableOperation, principal: Principal) {
  const told: string[] = [];
  const touched: string[] = [];
  const resource = new Proxy(
    {},
    { get: (_, method: string) => async () => (method === 'get' ? { owner: 'its-owner' } : void touched.push(method)) },
  );
  const resources = new Proxy({}, { get: () => resource });
  const audit = {
    tell: ({ action, outcome }: { action: string; outcome: string }) => told.push(`${action} ${outcome}`),
  };
  const calls = { enter: () => ({ [Symbol.dispose]: () => {} }) };
  const ctx = { principal, resources, services: {}, audit, calls } as never;
  const rejected = await callOperation(operation, { id: 'x' }, { ctx, path, signal: AbortSignal.abort() }).then(
    () => undefined,
    (thrown: { code?: string }) => thrown.code,
  );
  return { told, touched, rejected };
}

test.each(checkedHere)(
  '%s refuses those whom its description leaves out, and the audit log has it',
  async (name, one) => {
    const { may, audit } = one._def.meta ?? {};
    const stranger = await call(name, one, { role: 'user', key: 'k', owner: 'a-stranger' });
    const viewer = await call(name, one, { role: 'viewer', key: 'k', owner: 'its-owner' });
    const ofItem = may === 'see' || may === 'read' || may === 'work' || may === 'stop';
    const code = ofItem ? 'not_found' : 'forbidden';
    if (ofItem || may === 'admin' || may === 'operator') {
      expect(stranger).toEqual({ told: audit === undefined ? [] : [`${audit} ${code}`], touched: [], rejected: code });
    }
    if (may !== 'any' && may !== 'see' && may !== 'read')
      expect([viewer.rejected, viewer.touched]).toEqual(['forbidden', []]);
    const admin = await call(name, one, { role: 'admin' });
    expect(admin.rejected).not.toBe('forbidden');
    expect(admin.told.map((line) => line.split(' ')[0])).toEqual(audit === undefined ? [] : [audit]);
  },
);
