import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type CorralClient, createCorralClient } from '../../client/index.ts';
import { AppError } from '../../core/errors/errors.ts';
import { PauseSupport } from '../../core/model/sandboxes/condition.ts';
import { runAttack } from './attack/attack.ts';
import type { Finding as AttackFinding } from './attack/checks.ts';
import { parseWithUsage, type ServerCommandDefinition } from './command.ts';
import { resolveServerAddress, sendServerRequest, urlOption } from './server-request.ts';

const options = {
  ...urlOption,
  probe: { type: 'string', multiple: true, default: [] as string[] },
  attack: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const doctorCommand: ServerCommandDefinition = {
  usage: '[--url <address>] [--probe <host:port>]… | --attack [--json]',
  about:
    "checks that a running server's store, sandboxes and model work, and that a sandbox cannot reach what it must " +
    'not; with --attack, tries on the server and in a new sandbox the escapes that public benchmarks and ' +
    'advisories describe; default server: CORRAL_URL, else the local one; CORRAL_TOKEN is its token',
  async run(args, { signal, print }) {
    const { url, token, probe, ...requested } = parsed(args);
    if (requested.attack) {
      const { sandbox } = await readChecks(url, token, signal);
      const findings = [...sandbox.weaknesses.map(knownWeakness), ...(await runAttack({ url, token }, signal))];
      for (const line of reportOf(findings, sandbox.driver, requested)) print(line);
      return findings.some(({ state }) => state === 'broken') ? 1 : 0;
    }
    let failures = 0;
    const tell = (isRight: boolean, what: string) => {
      if (!isRight) failures += 1;
      print(`${isRight ? 'ok     ' : 'FAILED '} ${what}`);
    };
    const checks = await readChecks(url, token, signal);
    for (const { isRight, what } of parts(checks)) tell(isRight, what);
    const { weaknesses, desktop, pause, engine, noServices, noVolumes, lacking } = checks.sandbox;
    if (desktop && desktop.state !== 'ready') print(`wait    new sandboxes have no desktop yet: ${imageText(desktop)}`);
    if (checks.draining) print('drain   the server takes no new sessions until corral undrain');
    if (engine !== undefined) print(`engine  sandboxes are ${engine}`);
    if (pause) print(`pause   ${pauseText[pause]}`);
    print(`beside  ${noServices === undefined ? besideText : `services cannot run next to a sandbox: ${noServices}`}`);
    if (noVolumes !== undefined) print(`volumes sandboxes cannot mount any: ${noVolumes}`);
    print(`inside  ${insideText}`);
    for (const { name, text } of lacking) print(`lacking ${name}: ${text}`);
    for (const { name, text } of weaknesses) print(`weak    ${name}: ${text}`);
    using corral = createCorralClient({ url, transport: 'ws', ...(token && { token }) });
    const targets = [...new Set([...addressesNear(url), ...probe])];
    const inside = await isolationFindings(corral, targets, signal).catch((thrown: Error) => {
      if (signal.aborted) throw thrown;
      return [{ isRight: false, what: `no sandbox could be inspected from inside: ${thrown.message}` }];
    });
    for (const { isRight, what } of inside) tell(isRight, what);
    const { length } = weaknesses;
    const well = length === 0 ? 'No problems found.' : `No failures, but ${length} weakness${length > 1 ? 'es' : ''}.`;
    print(failures === 0 ? well : `${failures} of these checks failed.`);
    return failures === 0 ? 0 : 1;
  },
};

const knownWeakness = ({ name, text }: { readonly name: string; readonly text: string }): AttackFinding => ({
  check: `driver: ${name}`,
  against: [],
  state: 'weak',
  text,
  advice: 'See docs/security.md for what to do.',
});

const marks = { ok: 'ok      ', weak: 'weak    ', broken: 'BROKEN  ', untested: '?       ' } as const;
function reportOf(findings: readonly AttackFinding[], driver: string, { json }: { readonly json: boolean }): string[] {
  const count = (state: AttackFinding['state']) => findings.filter((one) => one.state === state).length;
  const counts = { ok: count('ok'), weak: count('weak'), broken: count('broken'), untested: count('untested') };
  if (json) return [JSON.stringify({ driver, ...counts, findings })];
  const lines = findings.map(({ check, state, text, advice }) =>
    `${marks[state]}${check}: ${text}.${advice === undefined ? '' : ` ${advice}`}`.replace(/\.\. /, '. '),
  );
  const { ok, weak, broken, untested } = counts;
  return [
    ...lines,
    `${ok} checks are ok, ${weak} weak, ${broken} broken, ${untested} untested (sandboxes by ${driver}).`,
  ];
}

const pauseText: Record<PauseSupport, string> = {
  memory: 'a paused sandbox keeps its memory and its files',
  files: 'a paused sandbox keeps its files; its processes end',
  none: 'a sandbox cannot be paused: it loses its files when it ends',
};

const besideText =
  'services with the images in CORRAL_SANDBOX_SERVICE_IMAGES run next to a sandbox, see docs/services.md';
const insideText =
  'containers (Docker, Podman) do not run inside a sandbox, not even rootless: they need user namespaces and mounts, ' +
  'which its seccomp profile refuses because most container escapes start there';

interface Finding {
  readonly isRight: boolean;
  readonly what: string;
}

const Check = z.object({ status: z.string(), detail: z.string().optional() });
const Detailed = z.object({
  draining: z.boolean().default(false), // older servers do not support draining
  checks: z.object({
    storage: Check,
    sandbox: Check.extend({
      driver: z.string(),
      pause: PauseSupport.optional(), // older servers do not report this
      engine: z.string().optional(),
      noServices: z.string().optional(),
      noVolumes: z.string().optional(),
      lacking: z.array(z.object({ name: z.string(), text: z.string() })).default([]), // older servers do not report this
      desktop: z
        .object({ state: z.string(), detail: z.string().optional(), seconds: z.number().optional() })
        .optional(),
      weaknesses: z.array(z.object({ name: z.string(), text: z.string() })).default([]), // older servers do not report this
    }),
    model: Check.extend({ name: z.string() }),
  }),
});

type Checks = z.infer<typeof Detailed>['checks'] & { readonly draining: boolean };

async function readChecks(url: string, token: string | undefined, signal: AbortSignal): Promise<Checks> {
  const headers = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  const response = await sendServerRequest(`${url}/health/detailed`, { signal, ...headers });
  if (response.status === 403) {
    const advice = 'Set CORRAL_TOKEN to its token, or to a key with the role operator or admin.';
    throw new AppError('forbidden', `${url} does not accept this credential. ${advice}`);
  }
  const report = Detailed.safeParse(await response.json().catch(() => undefined));
  if (!report.success) {
    const what = `${url} answered ${response.status}, but not with the health report of a Corral server`;
    throw new AppError(
      'invalid_request',
      `${what}. If it is just starting, try again; otherwise set the server with --url.`,
    );
  }
  return { ...report.data.checks, draining: report.data.draining };
}

function parts({ storage, sandbox, model }: Checks): Finding[] {
  const finding = (what: string, { status, detail }: z.infer<typeof Check>) => ({
    isRight: status === 'healthy',
    what: `${what} is ${status}${detail === undefined ? '' : `: ${detail}`}`,
  });
  return [
    finding('the store', storage),
    finding(`what starts sandboxes (${sandbox.driver})`, sandbox),
    finding(`the model (${model.name})`, model),
  ];
}

function imageText({ state, detail = '', seconds = 0 }: NonNullable<Checks['sandbox']['desktop']>): string {
  if (state === 'building') return `its image has been building for ${seconds} s${detail && ` (${detail})`}`;
  return `its image could not be built; the server retries: ${detail}`;
}

/** The addresses of the cloud metadata service, the cluster's API and this server. */
function addressesNear(url: string): string[] {
  const { hostname, port, protocol } = new URL(url);
  const found = ['169.254.169.254:80', `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`];
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: at } = process.env;
  return host === undefined ? found : [...found, `${host}:${at}`];
}

// `isolationFindings` parses the output: each line is a name and a value.
const look = `
echo "uid $(id -u)"
echo "capabilities $(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)"
echo "privileges $(sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/self/status)"
if touch /usr/corral-doctor 2>/dev/null; then echo "system writable"; rm -f /usr/corral-doctor; else echo "system read-only"; fi
echo "servers $(sed -n 's/^nameserver //p' /etc/resolv.conf 2>/dev/null | tr '\\n' ' ')"`;
const reach = (target: string) => {
  const [, host = '', port = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(target) ?? [];
  return `if timeout 3 bash -c ': </dev/tcp/${host}/${port}' 2>/dev/null; then echo "open ${target}"; else echo "closed ${target}"; fi`;
};

async function isolationFindings(
  corral: CorralClient,
  targets: readonly string[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const { id: sessionId } = await corral.sessions.create.mutate();
  try {
    const run = async (command: string) =>
      (await corral.sandbox.exec.mutate({ sessionId, command, timeoutMs: 60_000 }, { signal })).stdout.split('\n');
    const lines = new Map((await run(look)).map((line) => [line.split(' ')[0], line.split(' ').slice(1).join(' ')]));
    const names = (lines.get('servers') ?? '').split(' ').filter(Boolean);
    const all = [...targets, ...names.map((host) => (host.includes(':') ? `[${host}]:53` : `${host}:53`))];
    const reached = (await run(all.map(reach).join('\n'))).filter((line) => /^(open|closed) /.test(line));
    return [
      { isRight: lines.get('uid') !== '0', what: `a sandbox runs as user ${lines.get('uid')}` },
      { isRight: /^0+$/.test(lines.get('capabilities') ?? ''), what: `its capabilities: ${lines.get('capabilities')}` },
      { isRight: lines.get('privileges') === '1', what: 'it cannot gain privileges by running a program' },
      { isRight: lines.get('system') === 'read-only', what: `its system is ${lines.get('system')}` },
      {
        isRight: reached.length === all.length,
        what: `${reached.length} of ${all.length} addresses were tested from inside it`,
      },
      ...reached.map((line) => ({ isRight: line.startsWith('closed'), what: `from it, ${line.replace(' ', ': ')}` })),
    ];
  } finally {
    await corral.sessions.delete.mutate({ id: sessionId });
  }
}

const parsed = (args: readonly string[]) =>
  parseWithUsage(`doctor takes ${doctorCommand.usage}`, () => {
    const { url, probe, attack, json } = parseArgs({ args: [...args], options }).values;
    if (json && !attack) throw new Error('--json requires --attack');
    if (attack && probe.length > 0) throw new Error('--probe cannot be combined with --attack');
    const wrong = probe.find((it) => !/^[A-Za-z0-9.-]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(it));
    if (wrong !== undefined) throw new Error(`--probe ${wrong} is not host:port`);
    return { ...resolveServerAddress(url), probe, attack, json };
  });
