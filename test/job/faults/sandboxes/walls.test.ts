// @module-tag all
// The reach of hostile code in a sandbox: only loopback, its own files and the proxy.
import { expect, test } from 'vitest';
import { fence } from '../../../support/clients/api.ts';
import { type WorldServer, worldServer } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

// No packet leaves a sandbox without a network interface, so the test can use real addresses.
const targets = (port: string) => [
  ['metadata', '169.254.169.254', 80],
  ['metadata over IPv6', 'fd00:ec2::254', 80],
  ['the host at the bridge', '172.17.0.1', 22],
  ['the API at the bridge', '172.17.0.1', Number(port)],
  ['the API at loopback', '127.0.0.1', Number(port)],
  ['a store', '127.0.0.1', 27017],
  ['a neighbour', '172.17.0.2', 3128],
  ['a name server', '8.8.8.8', 53],
];

/**
 * Runs inside a sandbox. Prints one line for each target that answered, and a `through:` line for each answer of the
 * proxy.
 */
const probe = (port: string) => `
const net = require('net'), dns = require('dns').promises, http = require('http'), os = require('os');
const dial = (host, port) => new Promise((done) => {
  const socket = net.connect({ host, port, timeout: 2000 });
  socket.on('connect', () => done('OPEN')).on('error', (error) => done(error.code)).on('timeout', () => done('TIMEOUT'));
});
const through = (authority) => new Promise((done) => {
  const request = http.request({ host: '127.0.0.1', port: 3128, method: 'CONNECT', path: authority });
  request.on('connect', (response) => done(response.statusCode)).on('response', (response) => done(response.statusCode));
  request.on('error', (error) => done(error.code)).end();
});
(async () => {
  console.log('interfaces', Object.keys(os.networkInterfaces()).join());
  for (const [what, host, port] of ${JSON.stringify(targets(port))}) console.log(what + ':', await dial(host, port));
  for (const host of ['169.254.169.254:80', '172.17.0.1:${port}', '127.0.0.1:${port}', 'localhost:${port}', '[::ffff:127.0.0.1]:${port}'])
    console.log('through', host, await through(host));
  for (const path of ['/var/run/docker.sock', '/run/docker.sock', '/run/corral/../docker.sock'])
    console.log(path, await new Promise((done) => net.connect(path).on('connect', () => done('OPEN')).on('error', (error) => done(error.code))));
  console.log('name:', await dns.lookup('x.attacker.example').then(() => 'RESOLVED', (error) => error.code));
})();`;

async function inside(real: WorldServer, id: string, script: string): Promise<string> {
  const before = real.factsOf(id, 'tool.called').length;
  await real.client.chat(id, `${fence('file:probe.cjs', script)}\n${fence('sh', 'node probe.cjs')}`);
  const [, called] = real.factsOf(id, 'tool.called').slice(before);
  expect(called?.data).toMatchObject({ success: true });
  return called?.data.output ?? '';
}

inEachWorld('process', 'from inside $driver', (world) => {
  test('F131 the only interface is loopback, and the host, the API, metadata and DNS are unreachable', async (context) => {
    await using real = await worldServer(context, world, { CORRAL_EGRESS_POLICY: 'web' }); // the most permissive policy
    const id = await real.ready();
    const { port } = new URL(real.server.url);
    const lines = (await inside(real, id, probe(port))).trim().split('\n');
    expect(lines.shift()).toBe('interfaces lo');
    const open = lines.filter(
      (line) =>
        !/(ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|ENOENT|EACCES|EAI_AGAIN|ENOTFOUND| 403)$/.test(line),
    );
    expect(open).toEqual([]);
    expect(lines.filter((line) => line.startsWith('through'))).toHaveLength(5);
    expect(real.factsOf(id, 'egress').map(({ data }) => data.decision)).not.toContain('allowed');
    expect(real.factsOf(id, 'egress').length).toBeGreaterThan(0);
    await real.holds(id);
  });

  test('F121 the file panel never shows a file from outside the workspace, and never hangs', async (context) => {
    await using real = await worldServer(context, world);
    const id = await real.ready();
    await real.client.chat(
      id,
      fence(
        'sh',
        'ln -s /etc/passwd link; ln -s / root; mkfifo fifo; ln -s /run/corral/control socket; ln -s /dev/zero zero',
      ),
    );
    const file = (path: string) => real.client.ask('POST', `/${id}/file`, { file: path });
    const outside = [
      ...['../etc/passwd', '/etc/passwd', '/workspace/../etc/passwd', '/proc/self/root/etc/passwd', '/dev/stdin'],
      ...['link', 'root/etc/passwd', 'socket', 'zero', '..'],
    ];
    for (const path of outside) expect((await file(path)).status, path).toBe(400);
    for (const path of ['..%2fetc/passwd', '..\\etc\\passwd', 'fifo', '.']) {
      const { status } = await file(path);
      expect([400, 404], path).toContain(status);
    }
    expect((await file('a\0b')).status).toBe(400);
    await real.holds(id);
  });
});
