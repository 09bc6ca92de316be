import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { neverFires } from '../../../../src/core/concurrency/cancel.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { insideService } from '../../../../src/sessions/services/sandbox-interior.ts';

const id = SessionId.parse('0123456789abcdef');

async function dial(port: number, { isOwnMachine = false } = {}) {
  const dialled: number[] = [];
  const ports = { connect: async (number: number) => dialled.push(number) && new PassThrough() };
  const service = insideService({
    sandboxes: { use: async () => ({ client: { ports }, [Symbol.asyncDispose]: async () => {} }) as never },
    codeOf: () => ({}) as never,
    known: async () => {},
    isOwnMachine,
    closedPorts: new Set([3128, 2718]),
  });
  await using inside = await service.enter(id, neverFires);
  const code = await inside.ports.connect(port, neverFires).then(
    () => 'open',
    (thrown) => thrown.code,
  );
  return { code, dialled };
}

test.each([3128, 2718])('port %i of Corral itself is never dialled', async (port) =>
  expect(await dial(port)).toEqual({ code: 'forbidden', dialled: [] }),
);
test('other ports are dialled', async () => expect(await dial(3000)).toEqual({ code: 'open', dialled: [3000] }));
test('no port is dialled where nothing isolates the sandbox, because it would be one of the server', async () =>
  expect(await dial(3000, { isOwnMachine: true })).toEqual({ code: 'forbidden', dialled: [] }));
