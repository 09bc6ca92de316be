// The chart's output for three sets of values, checked against a snapshot, the API server and our rules.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chart } from '../support/cluster/chart.ts';
import { clusterEnv, hasCluster, helm, kubectl } from '../support/cluster/cluster.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [part: string]: unknown;
}
interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}

const namespace = 'corral-test-render';
const sandboxes = 'corral-test-render-sandboxes';
const common = { sandbox: { namespace: sandboxes } };
const sets = {
  usual: { ...common, mongodb: { existingSecret: 'corral-mongo' } },
  trial: { ...common, replicaCount: 1, mongodb: { bundled: { enabled: true } }, reaper: { enabled: false } },
  everything: {
    imagePullSecrets: ['registry'],
    config: { model: 'gemini/gemini-2.5-flash', kubernetes: { 'daemon-port': 2800 } },
    trustedProxies: ['10.244.0.0/16'],
    extraEnv: [{ name: 'GEMINI_API_KEY', valueFrom: { secretKeyRef: { name: 'providers', key: 'gemini' } } }],
    auth: { existingSecret: 'own-auth' },
    mongodb: { url: 'mongodb://mongo.example.com:27017/corral' },
    sandbox: {
      ...common.sandbox,
      createNamespace: false,
      image: 'registry.example.com/corral/sandbox-desktop:0.1.0',
      desktop: true,
      imagePullSecrets: ['registry'],
      workspace: 'volume',
      storageClass: 'fast',
      runtimeClass: 'gvisor',
      priorityClass: 'low',
      nodeSelector: { pool: 'sandboxes' },
      tolerations: ['sandboxes=only:NoSchedule'],
      userNamespaces: true,
    },
    egress: { policy: 'allow-list', allow: ['example.com'] },
    service: { type: 'LoadBalancer', port: 8080, annotations: { note: 'yes' } },
    ingress: {
      enabled: true,
      className: 'nginx',
      hosts: [{ host: 'corral.example.com' }],
      tls: [{ hosts: ['corral.example.com'] }],
    },
    autoscaling: { enabled: true },
    networkPolicy: {
      apiFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } }],
      egressTo: [{ ipBlock: { cidr: '203.0.113.0/24' } }],
      apiServerCidrs: ['10.200.0.2/32'],
    },
    serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
    serviceAccount: { annotations: { note: 'yes' } },
    podAnnotations: { note: 'yes' },
    podLabels: { team: 'agents' },
    nodeSelector: { pool: 'servers' },
    tolerations: [{ key: 'servers', operator: 'Exists' }],
    topologySpread: false,
  },
} as const;
const names = Object.keys(sets) as (keyof typeof sets)[];

const manifestsIn = (text: string) => parseAllDocuments(text).flatMap((it) => (it.toJS() as Manifest | null) ?? []);

const cluster = await hasCluster();

describe.skipIf(!cluster)('the templates of the chart (skipped where KUBECONFIG names no cluster)', () => {
  const folder = mkdtemp(join(tmpdir(), 'corral-values-'));
  const rendered = new Map<string, Manifest[]>();
  const things = (name: string) => rendered.get(name) as Manifest[];
  const every = () => names.flatMap(things);

  beforeAll(async () => {
    for (const name of names) {
      const file = await valuesFile(name);
      const text = await helm('template', 'corral', chart, '--namespace', namespace, '--values', file);
      rendered.set(name, manifestsIn(text));
    }
    const both = [namespace, sandboxes];
    await kubectl('delete', 'namespace', ...both, '--ignore-not-found'); // left by an aborted run
    for (const name of both) await kubectl('create', 'namespace', name);
    const level = 'pod-security.kubernetes.io';
    await kubectl('label', 'namespace', ...both, `${level}/enforce=restricted`, `${level}/warn=restricted`);
  });
  afterAll(async () => {
    await rm(await folder, { recursive: true, force: true });
    await kubectl('delete', 'namespace', namespace, sandboxes, '--ignore-not-found', '--wait=false');
  });
  async function valuesFile(name: keyof typeof sets): Promise<string> {
    const file = join(await folder, `${name}.json`);
    await writeFile(file, JSON.stringify(sets[name]));
    return file;
  }

  test.each(names)('are as recorded: %s', async (name) => {
    const [usual, own] = [leavesOf(things('usual')), leavesOf(things(name))];
    const text = name === 'usual' ? own : changesTo(usual, own);
    await expect(`${text.join('\n')}\n`).toMatchFileSnapshot(`__snapshots__/${name}.txt`);
  });

  test.each(names)('pass lint, and the API server accepts them in restricted namespaces: %s', async (name) => {
    await helm('lint', chart, '--strict', '--values', await valuesFile(name));
    const known = things(name).filter(({ kind }) => kind !== 'ServiceMonitor'); // Prometheus defines that kind
    const items = known.map((it) =>
      it.kind === 'Namespace' ? it : { ...it, metadata: { namespace, ...it.metadata } },
    );
    const args = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'];
    const child = spawn('kubectl', args, { env: clusterEnv() });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.stdin.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const [code] = await once(child, 'close');
    expect({ code, output }).toMatchObject({ code: 0, output: expect.not.stringMatching(/would violate|Warning/) });
  });

  test('give the servers permissions over sandboxes only, each listed in docs/kubernetes.md', async () => {
    expect(every().filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
    const roles = every().filter(({ kind }) => kind === 'Role');
    expect(new Set(roles.map(({ metadata }) => metadata.namespace))).toEqual(new Set([sandboxes]));
    const granted = new Set(
      roles.flatMap(({ rules }) =>
        (rules as Rule[]).flatMap(({ resources, verbs }) =>
          resources.flatMap((it) => verbs.map((verb) => `${it} ${verb}`)),
        ),
      ),
    );
    const documented = /```json\n([\s\S]+?)```/.exec(await readFile(join(chart, '../docs/kubernetes.md'), 'utf8'))?.[1];
    const all = (JSON.parse(documented ?? '[]') as Rule[]).flatMap(({ resources, verbs }) =>
      resources.flatMap((it) => verbs.map((verb) => `${it} ${verb}`)),
    );
    // The chart itself applies the policies, and its servers reach pods by their addresses.
    expect(granted).toEqual(new Set(all.filter((right) => !/^(networkpolicies|pods\/portforward) /.test(right))));
    for (const { rules } of roles)
      expect(JSON.stringify(rules)).not.toMatch(/\*|secrets|exec|nodes|escalate|impersonate/);
  });

  test('let no container be root, gain privileges, write to its root file system or hold a token it does not use', () => {
    const pods = every().flatMap(podsIn);
    expect(pods.length).toBeGreaterThan(8);
    for (const { spec } of pods) {
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(spec.automountServiceAccountToken === false || spec.serviceAccountName).toBeTruthy();
      for (const { securityContext } of spec.containers) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  test('give a right on nodes only on request, and only to read them', async () => {
    const args = ['--namespace', namespace, '--values', await valuesFile('usual'), '--set', 'sandbox.watchNodes=true'];
    const docs = manifestsIn(await helm('template', 'corral', chart, ...args));
    expect(docs.filter(({ kind }) => kind === 'ClusterRole').map(({ rules }) => rules)).toEqual([
      [{ apiGroups: [''], resources: ['nodes'], verbs: ['list', 'watch'] }],
    ]);
  });

  test('name no user on OpenShift, which assigns them', async () => {
    const args = ['--namespace', namespace, '--values', await valuesFile('trial')];
    const text = await helm('template', 'corral', chart, ...args, '--api-versions', 'security.openshift.io/v1');
    expect(text).not.toMatch(/runAsUser|runAsGroup|fsGroup:/);
    expect(text).toContain('pod-user: assigned');
  });

  test.each([
    ['no database', {}, /exactly one of mongodb/],
    ['two databases', { mongodb: { url: 'mongodb://a/b', bundled: { enabled: true } } }, /exactly one of mongodb/],
    ['a value that nobody knows', { replicas: 3 }, /replicas/],
    ['a wrong policy', { mongodb: { url: 'mongodb://a/b' }, egress: { policy: 'everything' } }, /egress/],
  ])('are refused with a reason: %s', async (_what, values, reason) => {
    const file = join(await folder, 'wrong.json');
    await writeFile(file, JSON.stringify(values));
    const refusal = promisify(execFile)('helm', ['template', 'corral', chart, '--values', file], { env: clusterEnv() });
    await expect(refusal).rejects.toThrow(reason);
  });
});

interface PodTemplate {
  readonly spec: {
    readonly automountServiceAccountToken?: boolean;
    readonly serviceAccountName?: string;
    readonly securityContext: object;
    readonly containers: { readonly securityContext: object }[];
  };
}
/** Finds every pod description in an object. */
function podsIn(value: unknown): PodTemplate[] {
  if (typeof value !== 'object' || value === null) return [];
  const isPod = Array.isArray((value as { spec?: { containers?: unknown } }).spec?.containers);
  return [...(isPod ? [value as PodTemplate] : []), ...Object.values(value).flatMap(podsIn)];
}

const maxLine = 300;
const chartLabels: Readonly<Record<string, string>> = {
  'app.kubernetes.io/instance': 'corral',
  'app.kubernetes.io/managed-by': 'Helm',
  'app.kubernetes.io/name': 'corral',
  'app.kubernetes.io/version': '0.1.0',
  'helm.sh/chart': 'corral-0.1.0',
};
/** Sorted lines, each with the value of a path. Hides values that are new in each run, unless the cluster already has one. */
const leavesOf = (all: readonly Manifest[]): string[] =>
  all.flatMap(({ kind, ...it }) => linesOf(tidy(it), `${kind}/${it.metadata.name}`)).sort();
function tidy(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => tidy(one));
  if (typeof value !== 'object' || value === null) return /^(token|encryption-key)$/.test(key) ? 'made' : value;
  const entries = Object.entries(key === 'labels' ? withoutCommon(value as Record<string, string>) : value);
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, one]) => [name, tidy(one, name)]));
}
function withoutCommon(labels: Readonly<Record<string, string>>): object {
  const isCommon = ([name, value]: readonly [string, string]) => chartLabels[name] === value;
  const others = Object.entries(labels).filter((label) => !isCommon(label));
  const hasAll = Object.entries(labels).filter(isCommon).length === Object.keys(chartLabels).length;
  return hasAll ? { '(of the chart)': true, ...Object.fromEntries(others) } : labels;
}
function linesOf(value: unknown, path: string): string[] {
  const text = JSON.stringify(value);
  if (text.length <= maxLine || typeof value !== 'object' || value === null) return [`${path}: ${text}`];
  return Object.entries(value).flatMap(([key, one]) => linesOf(one, `${path} ${key}`));
}

/** The lines that the values add or change, and the paths or whole objects that they remove. */
function changesTo(usual: readonly string[], own: readonly string[]): string[] {
  const paths = new Set(own.map(pathOf));
  const objects = new Set(own.map(objectOf));
  const removed = usual.filter((line) => !paths.has(pathOf(line)));
  const names = removed.map((line) => (objects.has(objectOf(line)) ? pathOf(line) : objectOf(line)));
  return [
    ...own.filter((line) => !usual.includes(line)).map((line) => `+ ${line}`),
    ...new Set(names.map((name) => `- ${name}`)),
  ];
}
const pathOf = (line: string) => line.slice(0, line.indexOf(': '));
const objectOf = (line: string) => pathOf(line).split(' ', 1)[0] ?? '';
