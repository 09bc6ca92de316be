import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodSettings } from '../../../../drivers/kubernetes/options.ts';
import { createPodBody } from '../../../../drivers/kubernetes/pods/pod-body.ts';
import { createNetworkPolicies } from '../../../../drivers/kubernetes/policies/policies.ts';
import { SandboxId, SessionId } from '../../../../src/core/model/ids.ts';
import { plainPods, podInput } from '../../../support/cluster/pod-input.ts';
import { testSpec } from '../../../support/conformance/harness.ts';

const spec = testSpec('corral/sandbox', {
  ...{ id: SandboxId.parse('sbx-0123456789abcdef'), sessionId: SessionId.parse('0123456789abcdef'), epoch: 3 },
  limits: { memoryBytes: 2 ** 30, cpus: 1, pids: 512, diskBytes: 2 ** 31 },
  egress: { kind: 'registries' },
  env: { HTTP_PROXY: 'http://127.0.0.1:3128' },
  expiresAt: 3_600_000,
});
const body = (settings: Partial<PodSettings> = {}, env: Record<string, string> = spec.env) =>
  createPodBody(podInput({ ...spec, env }, { ...plainPods, ...settings }));

/** Lists how a pod breaks the Pod Security level "restricted", for the rules that our pods could break. */
function violations(pod: ReturnType<typeof body>): string[] {
  const { spec: it } = pod;
  const problems: string[] = [];
  const check = (isFine: unknown, rule: string) => void (isFine || problems.push(rule));
  check(!it?.hostNetwork && !it?.hostPID && !it?.hostIPC, 'host namespaces');
  check(!it?.securityContext?.sysctls, 'sysctls');
  const volumeKinds = [
    ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'],
  ];
  for (const volume of it?.volumes ?? []) {
    for (const kind of Object.keys(volume)) check(kind === 'name' || volumeKinds.includes(kind), `volume ${kind}`);
    check(!volume.secret && !volume.projected && !volume.hostPath, 'volumes with tokens or of the host');
  }
  for (const { securityContext, ports } of [...(it?.containers ?? []), ...(it?.initContainers ?? [])]) {
    check(securityContext?.privileged === false, 'privileged');
    check(securityContext?.allowPrivilegeEscalation === false, 'privilege escalation');
    check(securityContext?.runAsNonRoot && it?.securityContext?.runAsUser !== 0, 'root');
    check(securityContext?.capabilities?.drop?.includes('ALL') && !securityContext.capabilities.add, 'capabilities');
    check(securityContext?.seccompProfile?.type === 'RuntimeDefault', 'seccomp');
    check(securityContext?.readOnlyRootFilesystem, 'writable root');
    check(!securityContext?.procMount, 'procMount');
    check(
      (ports ?? []).every(({ hostPort }) => hostPort === undefined),
      'host ports',
    );
  }
  check(it?.automountServiceAccountToken === false && it.serviceAccountName === undefined, 'service account');
  check(it?.enableServiceLinks === false, 'service links');
  check(it?.restartPolicy === 'Never', 'restart policy');
  check((it?.activeDeadlineSeconds ?? 0) > 0, 'absolute deadline');
  check(it?.ephemeralContainers === undefined && it?.containers.length === 1, 'other containers');
  return problems;
}

describe('the pod of a sandbox', () => {
  test('has its facts as labels, the limits of its template, a share of them as its request, and no way to resolve names', () => {
    const { metadata, spec: pod } = body();
    expect(metadata?.labels).toMatchObject({
      ...{
        'corral/instance': 'test',
        'corral/sandbox': spec.id,
        'corral/session': spec.sessionId,
        'corral/epoch': '3',
      },
      ...{ 'corral/egress': 'proxy', 'app.kubernetes.io/managed-by': 'corral' },
    });
    const annotations = { attempt: 'a1', expires: '3600000', image: spec.image, key: 'k1', template: 'base' };
    expect(metadata?.annotations).toEqual(
      Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`corral/${name}`, value])),
    );
    const { env, ...container } = pod?.containers[0] ?? {};
    expect(env).toEqual(
      expect.arrayContaining([
        { name: 'HTTP_PROXY', value: spec.env.HTTP_PROXY },
        { name: 'CORRAL_DISK_BYTES', value: String(2 ** 31) },
        { name: 'CORRAL_EGRESS_URL', value: 'tcp://10.96.1.2:8118' },
        { name: 'CORRAL_EGRESS_TOKEN', value: 'the egress token' },
      ]),
    );
    expect(container).toMatchObject({
      ...{ image: spec.image, imagePullPolicy: 'IfNotPresent', workingDir: '/workspace' },
      resources: {
        limits: { cpu: '1000m', memory: String(2 ** 30), 'ephemeral-storage': '3825205248' },
        requests: { cpu: '250m', memory: String(2 ** 28), 'ephemeral-storage': '956301312' },
      },
      ports: [{ containerPort: 2718 }],
    });
    const lost = { effect: 'NoExecute', operator: 'Exists', tolerationSeconds: 30 };
    expect(pod).toMatchObject({
      ...{ activeDeadlineSeconds: 3_600, terminationGracePeriodSeconds: 1, hostname: 'sandbox', dnsPolicy: 'None' },
      dnsConfig: { nameservers: ['127.0.0.1'] },
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      securityContext: { runAsUser: 10_001, runAsGroup: 10_001, fsGroup: 10_001 },
      tolerations: ['not-ready', 'unreachable'].map((key) => ({ ...lost, key: `node.kubernetes.io/${key}` })),
    });
    const sizes = { workspace: 3 * 2 ** 30, tmp: 2 ** 28, home: 2 ** 28, run: 2 ** 24 };
    const volumes = pod?.volumes?.map(({ name, emptyDir }) => [name, Number(emptyDir?.sizeLimit)]) ?? [];
    expect(Object.fromEntries(volumes)).toEqual(sizes);
  });

  test('keeps to the Pod Security level "restricted" and our own rules, whatever the settings', () => {
    const words = fc.string({ minLength: 1 });
    const settings = fc.record({
      workspace: fc.constantFrom('ephemeral' as const, 'volume' as const),
      runtimeClass: words,
      priorityClass: words,
      nodeSelector: fc.dictionary(words, words),
      tolerations: fc.array(fc.record({ key: words, value: words, effect: words })),
      imagePullSecrets: fc.array(words),
      userNamespaces: fc.boolean(),
    });
    fc.assert(
      fc.property(settings, fc.dictionary(words, words), (input, env) => {
        expect(violations(body(input, env))).toEqual([]);
      }),
    );
  });

  test('names no user and no group where the cluster assigns them', () => {
    expect(JSON.stringify(body({ podUser: 'assigned' }))).not.toMatch(/runAsUser|runAsGroup|fsGroup"/);
    expect(violations(body({ podUser: 'assigned' }))).toEqual([]);
  });

  test('carries no secret that opens the sandbox: of the token only its hash', () => {
    const text = JSON.stringify(body());
    expect(text).not.toContain('the daemon token');
    expect(text).toMatch(/sha256:[0-9a-f]{64}/);
  });

  test('ignores the reserved variables of a template, and the node expands no variable', () => {
    const env = { CORRAL_SANDBOXD_TOKEN: 'mine', HOME: '/', NOTE: '$(CORRAL_EGRESS_TOKEN)' };
    const found = body({}, env).spec?.containers[0]?.env ?? [];
    const setTo = (name: string) => found.filter((it) => it.name === name).map(({ value }) => value);
    expect(setTo('CORRAL_SANDBOXD_TOKEN')).toEqual([expect.stringMatching(/^sha256:/)]);
    expect([setTo('HOME'), setTo('NOTE')]).toEqual([['/workspace/.corral/home'], ['$$(CORRAL_EGRESS_TOKEN)']]);
  });

  test.each(['ephemeral', 'volume'] as const)('mounts its %s workspace at both places', (workspace) => {
    const mounts = body({ workspace }).spec?.containers[0]?.volumeMounts ?? [];
    const places = mounts.filter(({ name }) => name === 'workspace');
    expect(places.map(({ mountPath }) => mountPath)).toEqual(['/workspace', '/home/user']);
  });

  test('has a claim for its workspace where files must outlive it', () => {
    const claim = { name: 'workspace', persistentVolumeClaim: { claimName: 'corral-test-0123456789abcdef' } };
    expect(body({ workspace: 'volume' }).spec?.volumes).toContainEqual(claim);
  });
});

describe('the network policies', () => {
  const ways = {
    namespace: 'sandboxes',
    instance: 'test',
    port: 2718,
    reach: 'pod-ip',
    egressAddress: { host: '10.96.1.2', port: 8118 },
    serverPods: { namespace: 'corral', labels: { app: 'corral' }, egressPort: 9118 },
  } as const;

  test('leave two ways: in from the server to the daemon, out to the server to the proxy', () => {
    const server = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'corral' } },
      podSelector: { matchLabels: { app: 'corral' } },
    };
    const [none, proxy] = createNetworkPolicies(ways);
    expect(proxy?.spec).toEqual({
      podSelector: { matchLabels: { 'corral/instance': 'test', 'corral/egress': 'proxy' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [server], ports: [{ protocol: 'TCP', port: 2718 }] }],
      egress: [{ to: [server], ports: [{ protocol: 'TCP', port: 9118 }] }],
    });
    expect(none?.spec?.egress).toEqual([]);
  });

  const { serverPods: _, ...withoutServer } = ways;
  test('name one address where the server is no pod, and let nobody in where everything is forwarded', () => {
    const [, proxy] = createNetworkPolicies({ ...withoutServer, reach: 'port-forward' });
    expect(proxy?.spec?.ingress).toEqual([]);
    expect(proxy?.spec?.egress).toEqual([
      { to: [{ ipBlock: { cidr: '10.96.1.2/32' } }], ports: [{ protocol: 'TCP', port: 8118 }] },
    ]);
  });
});

test("a pod uses the configured seccomp profile, or the runtime's default without one", () => {
  const profileOf = (settings: Partial<PodSettings>) => {
    const { securityContext, containers } = body(settings).spec ?? { containers: [] };
    return [securityContext?.seccompProfile, containers[0]?.securityContext?.seccompProfile];
  };
  const ours = { type: 'Localhost', localhostProfile: 'corral.json' };
  expect(profileOf({ seccompProfile: 'corral.json' })).toEqual([ours, ours]);
  const theirs = { type: 'RuntimeDefault' };
  expect(profileOf({})).toEqual([theirs, theirs]);
});
