import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { askStandIns, standInAnswers, standInCompose } from '../../support/sandboxes/stand-in-services.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

export interface ServicesUnderTest {
  readonly driver: 'docker' | 'kubernetes';
  /** Skips the test on a machine that cannot run it; otherwise returns further settings for the server. */
  ready(context: TestContext): Promise<Record<string, string>>;
  remains(sessionId: string): Promise<readonly string[]>;
  /** The number of running containers of a session with three services. */
  readonly running: number;
  /** The address of the session's sandbox in its shared network, if it has one. */
  addressOf?(sessionId: string): Promise<string>;
  /** Runs a Python program inside a service, as its user, and returns its output. */
  asService?(sessionId: string, service: string, program: string): Promise<string>;
}

/**
 * A compose file's services in a session, through the server: they live as long as the session. The same on every
 * driver.
 */
export function servicesOn(it: ServicesUnderTest): void {
  test(`web, redis and postgres of a compose file work in a session, outlive a killed server, stop and start with the sandbox, and go with the session: on ${it.driver}`, async (context) => {
    const settings = await it.ready(context);
    const server = await serverProcess({ ...settings, CORRAL_DRIVER: it.driver });
    using corral = createCorralClient({ url: server.url, transport: 'sse' });
    const { id: sessionId } = await corral.sessions.create.mutate({ compose: standInCompose });
    const { id: other } = await corral.sessions.create.mutate();
    onTestFinished(async () => {
      for (const id of [sessionId, other]) await corral.sessions.delete.mutate({ id }).catch(() => {}); // after a failure
      await server[Symbol.asyncDispose]();
    });
    const shell = async (id: string, command: string) =>
      (await corral.sandbox.exec.mutate({ sessionId: id, command })).stdout;
    const states = async () =>
      (await corral.sandbox.services.query({ sessionId })).map(({ name, state }) => `${name} ${state}`);

    // The first use waits for the services.
    expect(await shell(sessionId, askStandIns)).toBe(standInAnswers);
    expect(await states()).toEqual(['web running', 'redis running', 'postgres ready']);
    const { events } = await corral.events.list.query({ sessionId, limit: 500 });
    const reported = events.flatMap((event) => (event.type === 'sandbox.service' ? [event.data] : []));
    const expected = ['postgres ready', 'redis ready', 'web ready'];
    expect(reported.map(({ name, kind }) => `${name} ${kind}`).sort()).toEqual(expected);
    expect(reported.at(-1)).toEqual({ name: 'web', kind: 'ready', detail: 'The service web is ready at web:8080.' });
    expect(await shell(other, 'getent hosts redis; (exec 3<>/dev/tcp/127.0.0.1/6379) 2>&1 | tail -1')).toMatch(
      /refused/,
    );
    expect(await corral.sandbox.services.query({ sessionId: other })).toEqual([]);
    if (it.addressOf) {
      const address = await it.addressOf(sessionId);
      const dial = (port: number) =>
        `timeout 5 bash -c 'exec 3<>/dev/tcp/${address}/${port}' 2>&- && echo ${port} open`;
      expect(await shell(other, `${[6379, 8080, 5432].map(dial).join('; ')}; echo end`)).toBe('end\n');
      expect(await shell(sessionId, `${dial(6379)}; echo end`)).toBe('6379 open\nend\n'); // so the address is the right one
    }
    if (it.asService) {
      const reply = await it.asService(sessionId, 'web', walled);
      expect(reply.trim().split('\n')).toEqual([
        'closed',
        'closed',
        'closed',
        'closed',
        'nothing',
        'read-only',
        'none',
      ]);
    }

    server.kill('SIGKILL');
    await server.restart();
    expect(await shell(sessionId, askStandIns)).toBe(standInAnswers);

    await corral.sandbox.stop.mutate({ sessionId });
    expect(await states()).toEqual(['web absent', 'redis absent', 'postgres absent']);
    await expect.poll(() => it.remains(sessionId)).toEqual([]);
    await corral.sandbox.start.mutate({ sessionId });
    expect(await shell(sessionId, askStandIns)).toBe(standInAnswers);

    expect(await it.remains(sessionId)).toHaveLength(it.running);
    await corral.sessions.delete.mutate({ id: sessionId });
    await expect.poll(() => it.remains(sessionId)).toEqual([]);
  });
}

/**
 * Tries to leave a service: through the forwarder of its sandbox, to the metadata address, the Internet, a cluster's
 * API server; then a name server, its own system, and capabilities.
 */
const walled = `
import os, socket
def dial(host, port):
    try:
        with socket.create_connection((host, port), timeout=3) as far:
            far.sendall(b'CONNECT example.com:443 HTTP/1.1\\r\\n\\r\\n')
            print('open' if far.recv(100) else 'closed')
    except OSError: print('closed')
for host, port in [('127.0.0.1', 3128), ('169.254.169.254', 80), ('1.1.1.1', 443), (os.environ.get('KUBERNETES_SERVICE_HOST', '10.0.0.1'), 443)]:
    dial(host, port)
try:
    socket.getaddrinfo('example.com', 443); print('a name')
except OSError: print('nothing')
try:
    open('/etc/written', 'w'); print('written')
except OSError: print('read-only')
with open('/proc/self/status') as status:
    print('none' if all(int(line.split()[1], 16) == 0 for line in status if line.startswith('Cap')) else 'capabilities')
`;
