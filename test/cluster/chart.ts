// Installs the chart as users do, with images of this tree, on a real cluster.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Event } from '../../src/client/index.ts';
import { fence } from '../support/clients/api.ts';
import { follow } from '../support/clients/followed.ts';
import { chartImages, forwarded, type Images, install, type Release, testValues } from '../support/cluster/chart.ts';
import { clusterImage, freeVolumes, hasCluster, helm, kubectl, seccompOnNode } from '../support/cluster/cluster.ts';

const cluster = await hasCluster();
const near = '10.200.0.1'; // this machine's address for pods

describe.skipIf(!cluster)('the chart (skipped where KUBECONFIG names no cluster)', () => {
  const stack = new AsyncDisposableStack();
  const base = `corral-test-chart-${process.pid}`;
  let images: Images | undefined;
  let release: Release;
  let listed: number;
  let unlisted: number;

  async function standIn(text: string): Promise<number> {
    const server = createServer((_request, response) => response.end(text));
    stack.defer(() => server.closeAllConnections());
    stack.defer(() => void server.close());
    await once(server.listen(0, near), 'listening');
    return (server.address() as { port: number }).port;
  }

  beforeAll(async () => {
    images = await chartImages(clusterImage);
    if (!images) return;
    [listed, unlisted] = [await standIn('the listed one'), await standIn('another one')];
    const values = {
      ...testValues(images),
      egress: { policy: 'allow-list', allow: [`${near}:${listed}`] },
      networkPolicy: { egressTo: [{ ipBlock: { cidr: `${near}/32` } }] },
    };
    const allowRanges = `config.egress.allow-ranges[0]=${near}/32`; // private, so a policy must allow it
    const profile = stack.use(await seccompOnNode());
    const set = `${allowRanges},sandbox.seccompProfile=${profile.name}`;
    release = stack.use(await install(base, values, '--set-string', set));
  });
  afterAll(() => stack.disposeAsync());

  const installed = (name: string, body: () => Promise<void>) =>
    test(name, async (context) => {
      if (!images) context.skip('needs the stand-in for MongoDB that mongo.sh builds');
      await body();
    });

  installed('helm test runs a whole session, and doctor finds all well but what the values leave open', async () => {
    await helm('test', release.name, '--namespace', release.namespace, '--timeout', '100s');
    const doctor = ['/usr/local/bin/node', '/app/src/app/main.ts', 'doctor'];
    const reply = await release.kubectl('exec', 'deployment/corral', '--', ...doctor);
    expect(reply).toMatch(/^weak +shared-user: .*CORRAL_KUBERNETES_USER_NAMESPACES/m);
    expect(reply).toContain('No failures, but 1 weakness.');
    expect(reply).toMatch(/from it, closed: 10[.]\S+:443/); // the API server
  });

  installed('a session is the same at both replicas, whichever of them has it', async () => {
    const [first, second, ...others] = await release.servers();
    expect(others).toEqual([]);
    await using a = await forwarded(release.namespace, first as string);
    await using b = await forwarded(release.namespace, second as string);
    using service = release.client();
    using atA = release.client(a.url);
    using atB = release.client(b.url);
    const { id } = await service.sessions.create.mutate();
    using seenAtA = follow(atA, id);
    using seenAtB = follow(atB, id);
    await service.runs.send.mutate({
      sessionId: id,
      text: `Work\n${fence('sh', 'echo hello from $(id -u) > f; cat f')}`,
    });
    const [eventsA, eventsB] = [await seenAtA.toEnd(), await seenAtB.toEnd()];
    expect([eventsB, eventsA.map(({ seq }) => seq)]).toEqual([eventsA, eventsA.map((_event, at) => at + 1)]);
    expect(outputOf(eventsA)).toBe('hello from 10001\n');
    for (const client of [atA, atB])
      expect((await client.files.read.query({ sessionId: id, path: 'f' })).content).toBe('hello from 10001\n');
    await atB.sessions.delete.mutate({ id });
    await expect(atA.sessions.get.query({ id })).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
    expect(await podsOf(id)).toEqual('');
  });

  installed('a sandbox reaches its proxy and nothing else of the cluster, and the proxy what is listed', async () => {
    using corral = release.client();
    const [one, other] = [await corral.sessions.create.mutate(), await corral.sessions.create.mutate()];
    await Promise.all([one, other].map(({ id }) => corral.sandbox.start.mutate({ sessionId: id })));
    const ip = async (...args: string[]) => await kubectl('get', ...args, '--output=jsonpath={.items[*].status.podIP}');
    const service = async (name: string, namespace = release.namespace) =>
      await kubectl('get', 'service', name, '--namespace', namespace, '--output=jsonpath={.spec.clusterIP}');
    const component = (it: string) =>
      ip('pods', '--namespace', release.namespace, `--selector=app.kubernetes.io/component=${it}`);
    const node = new URL(release.url);
    const closed = {
      'API server': `${await service('kubernetes', 'default')}:443`,
      'API server at the node': `${node.hostname}:6443`,
      kubelet: `${node.hostname}:10250`,
      'node port of the server': node.host,
      'cluster DNS': `${await service('kube-dns', 'kube-system')}:53`,
      'the other sandbox': `${await ip('pods', '--namespace', release.sandboxes, `--selector=corral/session=${other.id}`)}:2718`,
      'API of the server': `${await service('corral')}:80`,
      'MongoDB by its service': `${await service('corral-mongodb')}:27017`,
      'MongoDB by its pod': `${await component('mongodb')}:27017`,
      'what is listed, without the proxy': `${near}:${listed}`,
      'metadata of a cloud': '169.254.169.254:80',
    };
    const pods = (await component('server')).split(' ');
    for (const [n, address] of pods.entries()) Object.assign(closed, { [`API of server ${n}`]: `${address}:8000` });
    const open = { proxy: `${await service('corral-egress')}:3128` };
    const run = async (command: string) =>
      (await corral.sandbox.exec.mutate({ sessionId: one.id, command, timeoutMs: 30_000 })).stdout;
    const inside = JSON.parse(await run(probe({ ...closed, ...open }))) as Record<string, string>;
    expect(Object.keys(inside).filter((name) => inside[name] === 'open')).toEqual(['proxy']);

    // A pod without policies reaches the addresses that the policies above close.
    const bare = `--image=${images?.server} --image-pull-policy=Never --restart=Never --quiet --rm --attach`.split(' ');
    const outside = await release.kubectl('run', 'bare', ...bare, '--command', '--', 'node', '-e', script(closed));
    const found = JSON.parse(outside) as Record<string, string>;
    for (const name of ['API server', 'API server at the node', 'kubelet', 'cluster DNS', 'API of the server'])
      expect(found, name).toMatchObject({ [name]: 'open' });
    expect(found).toMatchObject({ 'the other sandbox': 'closed', 'MongoDB by its pod': 'closed' });

    expect(await run(`curl -sS http://${near}:${listed}/`)).toBe('the listed one');
    expect(await run(`curl -sS -o /dev/null -w '%{http_code}' http://${near}:${unlisted}/`)).toBe('403');
    await Promise.all([one, other].map(({ id }) => corral.sessions.delete.mutate({ id })));
  });

  installed('a command goes on through an upgrade of all servers, and its client misses nothing', async () => {
    using corral = release.client();
    const { id } = await corral.sessions.create.mutate();
    using seen = follow(corral, id);
    const before = await release.servers();
    const command = 'for n in $(seq 30); do echo tick $n; sleep 1; done';
    await corral.runs.send.mutate({ sessionId: id, text: `Count\n${fence('sh', command)}` });
    await expect.poll(() => seen.events.some(({ type }) => type === 'tool.output')).toBe(true);
    const sandbox = await podsOf(id);
    await release.upgrade('--set-string', 'podAnnotations.upgraded=yes');
    await expect
      .poll(async () => (await release.servers()).filter((it) => before.includes(it)), { timeout: 60_000 })
      .toEqual([]);
    const events = await seen.toEnd();
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, at) => at + 1));
    expect(events.at(-1)).toMatchObject({ type: 'run.end', data: { status: 'completed' } });
    expect(outputOf(events)).toBe(Array.from({ length: 30 }, (_, n) => `tick ${n + 1}\n`).join(''));
    expect(await podsOf(id)).toBe(sandbox);
    const { stdout } = await corral.sandbox.exec.mutate({ sessionId: id, command: 'echo still there' });
    expect(stdout).toBe('still there\n');
  });

  installed('uninstalling takes the namespace of the sandboxes with it', async () => {
    // The previous test left them.
    expect(await kubectl('get', 'pods', '--namespace', release.sandboxes, '--output=name')).toMatch(/^pod\//);
    await release.uninstall();
    const left = () => kubectl('get', 'namespace', release.sandboxes, '--ignore-not-found', '--output=name');
    await expect.poll(left, { interval: 500 }).toBe('');
  });

  installed('uninstalling leaves nothing in a namespace that it did not make', async () => {
    await freeVolumes();
    const namespace = `${base}-own`;
    await kubectl('create', 'namespace', namespace);
    await using _gone = {
      [Symbol.asyncDispose]: async () => void (await kubectl('delete', 'namespace', namespace, '--wait=false')),
    };
    const own = `sandbox.namespace=${namespace},sandbox.createNamespace=false,sandbox.workspace=volume,sandbox.storageClass=node`;
    await using second = await install(`${base}-b`, testValues(images as Images), '--set', `${own},replicaCount=1`);
    using corral = second.client();
    const [one, two] = [await corral.sessions.create.mutate(), await corral.sessions.create.mutate()];
    await Promise.all([one, two].map(({ id }) => corral.sandbox.start.mutate({ sessionId: id })));
    await corral.sandbox.stop.mutate({ sessionId: two.id }); // only its volume claim remains
    const kinds = 'pods,persistentvolumeclaims,roles,rolebindings,networkpolicies,resourcequotas,jobs,services';
    const left = () => kubectl('get', kinds, '--namespace', namespace, '--output=name');
    expect((await left()).match(/^(pod|persistentvolumeclaim)\//gm)).toHaveLength(3);
    await second.uninstall();
    expect(await left()).toBe('');
  });

  const podsOf = (id: string) => {
    const ofSession = [`--selector=corral/session=${id}`, '--output=jsonpath={.items[*].metadata.uid}'];
    return kubectl('get', 'pods', '--namespace', release.sandboxes, ...ofSession);
  };
});

const outputOf = (events: readonly Event[]) =>
  events.flatMap((event) => (event.type === 'tool.called' ? [event.data.output] : [])).join('');

/** A program for Node that tries addresses and prints which of them are open. */
const script = (targets: Record<string, string>) => `
  const open = (to) => new Promise((done) => {
    const at = to.lastIndexOf(":");
    const socket = require("net").connect({ host: to.slice(0, at), port: Number(to.slice(at + 1)) });
    const say = (what) => { socket.destroy(); done(what); };
    socket.once("connect", () => say("open")).once("error", () => say("closed")).setTimeout(2500, () => say("closed"));
  });
  const targets = ${JSON.stringify(targets)};
  Promise.all(Object.entries(targets).map(async ([name, to]) => [name, await open(to)]))
    .then((found) => console.log(JSON.stringify(Object.fromEntries(found))));`;
const probe = (targets: Record<string, string>) => `node -e '${script(targets)}'`;
