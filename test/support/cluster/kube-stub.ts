import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { V1Pod } from '@kubernetes/client-node';
import { hasValidToken } from '../../../sandbox-images/sandboxd/server/server.ts';
import { httpServer } from '../servers/http-server.ts';
import { removeFolder } from '../stores/store.ts';

/** `cut`: the stub acts, but its answer is lost. `hang`: nothing happens. A number: the status of the answer. */
export type KubeTrouble = 'hang' | 'cut' | number | ({ readonly status: number } & KubeFailure);
type KubeFailure = { readonly retryAfter?: number; readonly message?: string; readonly reason?: string };

type StoredObject = {
  kind: string;
  metadata: Record<string, unknown> & { name: string; uid: string; labels?: Record<string, string> };
  spec?: unknown;
  status?: { sandbox?: { name: string } } | undefined;
};

export type KubeStub = Awaited<ReturnType<typeof kubeStub>>;

export const runningStatus = () => ({
  phase: 'Running',
  podIP: '127.0.0.1',
  containerStatuses: [{ name: 'sandbox', state: { running: {} } }] as never,
});

const selectorOf =
  (text: string) =>
  ({ metadata: { labels = {} } }: StoredObject): boolean =>
    text
      .split(',')
      .filter(Boolean)
      .every((it) => {
        const [, key = '', sign, value] = /^([^!=]+)(!?=)?(.*)$/.exec(it) ?? [];
        if (sign === '!=') return labels[key] !== value;
        return sign === undefined ? key in labels : labels[key] === value;
      });

/** Applies a JSON merge patch: null deletes the field. */
function merged(value: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result = { ...(value as Record<string, unknown> | undefined) };
  for (const [key, inner] of Object.entries(patch)) {
    if (inner === null) delete result[key];
    else result[key] = merged(result[key], inner);
  }
  return result;
}

/** A server for the part of the Kubernetes API that the driver uses; makes trouble on demand. */
export async function kubeStub() {
  const folder = await mkdtemp(join(tmpdir(), 'corral-kube-stub-'));
  const things = new Map<string, Map<string, StoredObject>>(); // keyed by the path of their list
  const troubles: { what: RegExp; trouble: KubeTrouble; left: number }[] = [];
  const watchers = new Set<{ response: ServerResponse; list: string; selects: (thing: StoredObject) => boolean }>();
  const seen: { line: string; at: number; token: string }[] = [];
  const history: { version: number; list: string; line: string; thing: StoredObject }[] = [];
  let version = 1_000;
  let hits = 0;
  let busy = 0;
  let busiest = 0;
  let watchBytes = 0;

  const daemon = await httpServer((request, response) => {
    const known = stub.pods().some(({ metadata, spec }) => {
      const { value = '' } = spec?.containers[0]?.env?.findLast(({ name }) => name === 'CORRAL_SANDBOXD_TOKEN') ?? {};
      return hasValidToken(request.headers.authorization, value.replace('$(CORRAL_POD_UID)', metadata?.uid ?? ''));
    });
    response
      .writeHead(known ? 200 : 401, { 'content-type': 'application/json' })
      .end(JSON.stringify({ idleMs: 0, stdout: stub.prints }));
  });

  const listOf = (path: string) => {
    const list = things.get(path) ?? new Map<string, StoredObject>();
    things.set(path, list);
    return list;
  };
  const stamp = (thing: StoredObject) => {
    version += 1;
    thing.metadata.resourceVersion = String(version);
  };
  const tell = (type: string, thing: StoredObject, list: string) => {
    const line = `${JSON.stringify({ type, object: thing })}\n`;
    history.push({ version, list, line, thing });
    if (stub.silent) return;
    for (const it of watchers) {
      if (it.list !== list || !it.selects(thing)) continue;
      it.response.write(line);
      watchBytes += Buffer.byteLength(line);
    }
  };
  const remove = (list: string, name: string) => {
    const thing = listOf(list).get(name);
    if (!thing) return;
    listOf(list).delete(name);
    stamp(thing);
    tell('DELETED', thing, list);
  };
  const change = (list: string, thing: StoredObject, type = 'MODIFIED') => {
    stamp(thing);
    listOf(list).set(thing.metadata.name, thing);
    tell(type, structuredClone(thing), list);
  };

  const fail = (response: ServerResponse, status: number, more: KubeFailure = {}) => {
    const { message = 'trouble on demand', reason = '', retryAfter } = more;
    const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: status, reason, message }));
  };
  const succeed = (response: ServerResponse, body: unknown, status = 200) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  async function act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://stub');
    const [, list = '', name] =
      /^(.*\/namespaces\/[^/]+\/[a-z]+|\/api\/v1\/nodes)(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (url.pathname === '/apis') {
      const group = { name: 'extensions.agents.x-k8s.io', versions: stub.versions.map((version) => ({ version })) };
      return void succeed(response, { groups: stub.claims ? [group] : [] });
    }
    if (url.pathname.endsWith('/selfsubjectrulesreviews'))
      return void succeed(response, { status: { resourceRules: stub.rules } });
    const found = name === undefined ? undefined : listOf(list).get(name);
    const missing = () => fail(response, 404, { message: `"${name}" not found`, reason: 'NotFound' });
    if (request.method === 'GET' && name !== undefined) return void (found ? succeed(response, found) : missing());
    const selects = selectorOf(url.searchParams.get('labelSelector') ?? '');
    if (request.method === 'GET' && url.searchParams.get('watch')) {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      const from = Number(url.searchParams.get('resourceVersion'));
      for (const missed of history)
        if (missed.list === list && missed.version > from && selects(missed.thing)) response.write(missed.line);
      const watcher = { response, list, selects };
      watchers.add(watcher);
      response.once('close', () => watchers.delete(watcher));
      return;
    }
    if (request.method === 'GET') {
      const items = [...listOf(list).values()].filter(selects);
      const isShort = request.headers.accept?.includes('as=PartialObjectMetadataList') && items.length === 0;
      return void succeed(response, { metadata: { resourceVersion: String(version) }, items: isShort ? null : items });
    }
    const conflict = () => fail(response, 409, { message: 'the object has been modified', reason: 'Conflict' });
    if (request.method === 'DELETE') {
      if (!found) return missing();
      const { preconditions } = ((await json(request).catch(() => undefined)) ?? {}) as {
        preconditions?: { resourceVersion?: string };
      };
      const { resourceVersion = found.metadata.resourceVersion } = preconditions ?? {};
      if (resourceVersion !== found.metadata.resourceVersion) return conflict();
      remove(list, found.metadata.name);
      controller.deleted(found);
      if (list === podList()) controller.replace(found.metadata.name);
      return void succeed(response, found);
    }
    const body = (await json(request)) as StoredObject;
    if (request.method === 'PATCH') {
      const current = name === undefined ? undefined : listOf(list).get(name);
      if (!current) return missing();
      const { resourceVersion = current.metadata.resourceVersion } = body.metadata ?? {};
      if (resourceVersion !== current.metadata.resourceVersion) return conflict();
      const changed = merged(current, body) as StoredObject;
      change(list, changed);
      controller.changed(changed);
      return void succeed(response, changed);
    }
    if (request.method === 'POST' && listOf(list).has(body.metadata.name)) {
      return fail(response, 409, { message: 'already exists', reason: 'AlreadyExists' });
    }
    body.metadata.uid = found?.metadata.uid ?? randomUUID();
    if (body.kind === 'Pod') body.status = { phase: 'Pending' } as never;
    change(list, body, 'ADDED');
    if (body.kind === 'Pod') {
      const status = stub.onPod(body as unknown as V1Pod);
      setImmediate(() => change(list, { ...body, status: status as never }));
    } else controller.changed(body);
    succeed(response, body, 201);
  }

  /**
   * The part of agents.x-k8s.io's controller that claims need: pools are full immediately, and claims take from them.
   */
  const taken = new Set<string>(); // members of pools that have a claim
  const controller = {
    place(name: string, template: object | undefined): void {
      const { metadata, spec } = template as V1Pod;
      const nodeName = stub.node && { nodeName: stub.node };
      const owner = { kind: 'Sandbox', name, uid: listOf(sandboxList).get(name)?.metadata.uid };
      const own = {
        metadata: { ...metadata, name, uid: randomUUID(), ownerReferences: [owner] },
        spec: { ...spec, ...nodeName },
      };
      const pod = { kind: 'Pod', ...own, status: {} } as StoredObject;
      change(podList(), { ...pod, status: stub.onPod(pod as unknown as V1Pod) as never }, 'ADDED');
    },
    sandbox(name: string, template: StoredObject | undefined): void {
      const { podTemplate } = (template?.spec ?? {}) as { podTemplate: object };
      const spec = { podTemplate, operatingMode: 'Running' };
      listOf(sandboxList).set(name, { kind: 'Sandbox', metadata: { name, uid: randomUUID() }, spec });
      controller.place(name, podTemplate);
    },
    end(name: string): void {
      listOf(sandboxList).delete(name);
      remove(podList(), name);
    },
    /** Gives a Sandbox without a pod another one, with the labels and annotations of the template of its claim. */
    replace(name: string): void {
      const { operatingMode, podTemplate } = (listOf(sandboxList).get(name)?.spec ?? {}) as Record<string, object>;
      if (podTemplate === undefined || String(operatingMode) !== 'Running' || listOf(podList()).has(name)) return;
      const claim = [...controller.kind('sandboxclaims').values()].find(({ status }) => status?.sandbox?.name === name);
      const pool = (claim?.spec as { warmPoolRef?: { name: string } } | undefined)?.warmPoolRef?.name ?? '';
      const ofPool = controller.kind('sandboxtemplates').get(pool)?.spec as { podTemplate: V1Pod } | undefined;
      controller.place(name, { ...podTemplate, ...(ofPool && { metadata: ofPool.podTemplate.metadata }) });
    },
    kind: (plural: string) => listOf([...things.keys()].find((path) => path.endsWith(`/${plural}`)) ?? `/${plural}`),
    changed(object: StoredObject): void {
      const { name } = object.metadata;
      const spec = object.spec as { replicas?: number; warmPoolRef?: { name: string }; operatingMode?: string };
      const template = (of: string) => controller.kind('sandboxtemplates').get(of);
      const members = (of: string) =>
        stub.pods().filter(({ metadata }) => metadata?.name?.startsWith(`${of}-`) && !taken.has(metadata.name));
      if (object.kind === 'SandboxWarmPool') {
        for (const { metadata } of members(name).slice(spec.replicas)) controller.end(metadata?.name ?? '');
        for (let n = members(name).length; n < (spec.replicas ?? 0); n += 1)
          controller.sandbox(`${name}-${randomUUID().slice(0, 5)}`, template(name));
      }
      if (object.kind === 'Sandbox' && spec.operatingMode === 'Suspended') remove(podList(), name);
      if (object.kind === 'Sandbox') controller.replace(name);
      if (object.kind === 'SandboxClaim' && object.status === undefined && stub.controls) {
        const pool = spec.warmPoolRef?.name ?? '';
        const hasPool = controller.kind('sandboxwarmpools').has(pool);
        const warm = hasPool ? members(pool)[0]?.metadata?.name : undefined;
        const missing = hasPool ? template(pool) === undefined && 'TemplateNotFound' : 'WarmPoolNotFound';
        if (warm) taken.add(warm);
        else if (!missing) controller.sandbox(name, template(pool));
        const list = [...things.keys()].find((path) => path.endsWith('/sandboxclaims')) ?? '';
        const ready = { type: 'Ready', status: missing && !warm ? 'False' : 'True', reason: missing || 'Ready' };
        const status = { ...((warm || !missing) && { sandbox: { name: warm ?? name } }), conditions: [ready] };
        setImmediate(() => listOf(list).has(name) && change(list, { ...object, status }));
      }
    },
    deleted(object: StoredObject): void {
      if (object.kind === 'SandboxClaim') controller.end(object.status?.sandbox?.name ?? object.metadata.name);
    },
  };

  const server = await httpServer(async (request, response) => {
    const line = `${request.method} ${request.url}`;
    seen.push({ line, at: performance.now(), token: request.headers.authorization?.slice(7) ?? '' });
    const isWatch = line.includes('watch=true');
    if (!isWatch) {
      busy += 1;
      busiest = Math.max(busiest, busy);
      response.once('close', () => {
        busy -= 1;
      });
    }
    if (stub.delayMs > 0 && !isWatch) await new Promise((done) => setTimeout(done, stub.delayMs));
    const met = troubles.find(({ what, left }) => left > 0 && what.test(line));
    if (!met) return await act(request, response);
    hits += 1;
    met.left -= 1;
    const { trouble } = met;
    if (trouble === 'hang') return;
    if (typeof trouble === 'number') return fail(response, trouble);
    if (typeof trouble === 'object') return fail(response, trouble.status, trouble);
    const writeHead = response.writeHead.bind(response);
    response.writeHead = ((...args: Parameters<typeof writeHead>) => {
      setImmediate(() => response.destroy());
      response.end = () => response;
      return args && response;
    }) as typeof writeHead;
    await act(request, response);
  });

  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'first-token');
  const kubeconfig = join(folder, 'config');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'stub',
    clusters: [{ name: 'stub', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'stub', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
    contexts: [{ name: 'stub', context: { cluster: 'stub', user: 'stub' } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));

  const sandboxList = '/apis/agents.x-k8s.io/v1beta1/namespaces/stub/sandboxes';
  const podList = () => [...things.keys()].find((path) => path.endsWith('/pods')) ?? '/api/v1/namespaces/stub/pods';
  const stub = {
    kubeconfig,
    /** The file with the token of the kubeconfig's user. */
    tokenFile,
    /** The output of every command that runs in a pod. */
    prints: '',
    /** Whether the cluster has agents.x-k8s.io, whether its controller works, and this server's rights there. */
    claims: false,
    versions: ['v1beta1'] as readonly string[],
    controls: true,
    rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] as readonly object[],
    /** The port on which the daemons of all pods listen. */
    daemonPort: daemon.port,
    /** Requests so far, as `METHOD /path?query`, with their time and token. */
    seen,
    get hits() {
      return hits;
    },
    /** The highest number of concurrent requests, without watches. */
    get busiest() {
      return busiest;
    },
    get watchBytes() {
      return watchBytes;
    },
    get watches() {
      return watchers.size;
    },
    /** The next requests whose method and path match meet this trouble, at most `times` of them. */
    cause: (what: RegExp, trouble: KubeTrouble, times = Number.POSITIVE_INFINITY) =>
      void troubles.unshift({ what, trouble, left: times }),
    relieve: () => void troubles.splice(0),
    delayMs: 0,
    /** The status of a new pod; by default it runs immediately. */
    onPod: runningStatus as (pod: V1Pod) => Partial<NonNullable<V1Pod['status']>>,
    pods: () => [...listOf(podList()).values()] as unknown as V1Pod[],
    setStatus(name: string, status: V1Pod['status']) {
      const thing = listOf(podList()).get(name);
      if (thing) change(podList(), { ...thing, status: status as never });
    },
    /** Deletes the pod without a request of the driver. */
    drop: (name: string) => remove(podList(), name),
    /** Deletes all objects of the kind, as with kubectl; a pool's members end with it. */
    erase(plural: string) {
      const list = [...things.keys()].find((path) => path.endsWith(`/${plural}`)) ?? '';
      for (const [name, { kind, spec }] of listOf(list)) {
        if (kind === 'SandboxWarmPool')
          controller.changed({ kind, metadata: { name, uid: '' }, spec: { ...(spec as object), replicas: 0 } });
        remove(list, name);
      }
    },
    /** The node of the pods that the controller of agents.x-k8s.io creates from now on. */
    node: undefined as string | undefined,
    cordon: (name: string) => change('/api/v1/nodes', { kind: 'Node', metadata: { name, uid: randomUUID() } }, 'ADDED'),
    /** Evicts the pod, as a drain of its node does; its Sandbox gets another one. */
    evict(name: string) {
      const thing = listOf(podList()).get(name);
      if (!thing) return;
      const metadata = { ...thing.metadata, deletionTimestamp: new Date().toISOString() };
      const reason = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' };
      change(podList(), { ...thing, metadata, status: { ...thing.status, conditions: [reason] } as never });
      remove(podList(), name);
      controller.replace(name);
    },
    /** Creates a pod, as another program does. */
    put(pod: V1Pod) {
      const metadata = { ...pod.metadata, uid: randomUUID() };
      change(podList(), { kind: 'Pod', status: runningStatus(), ...pod, metadata } as never, 'ADDED');
    },
    /** Sends an event to all watches, unchanged. */
    emit(type: string, object: unknown) {
      for (const { response } of watchers) response.write(`${JSON.stringify({ type, object })}\n`);
    },
    /** True: watches stay open, but get no events. */
    silent: false,
    cutWatches() {
      for (const { response } of watchers) response.end(() => response.destroy());
    },
    async [Symbol.asyncDispose]() {
      for (const it of [server, daemon]) await it[Symbol.asyncDispose]();
      await removeFolder(folder);
    },
  };
  return stub;
}
