import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CorralClient, createCorralClient } from '../../../client/index.ts';
import { isLoopback } from '../../settings/contradictions.ts';
import { probeServer } from './ask-server.ts';
import { evaluateSandboxFacts, type Finding } from './checks.ts';
import { buildInspectionScript, parseInspectionFacts } from './look-inside.ts';
import { evaluateServerProbes } from './server-checks.ts';

interface AttackTarget {
  readonly url: string;
  readonly token: string | undefined;
}
const scriptMs = 300_000;

/** Only inspects: changes nothing outside the new sandbox, and sends nothing to other machines. */
export async function runAttack({ url, token }: AttackTarget, signal: AbortSignal): Promise<Finding[]> {
  await using bait = await layBait();
  using corral = createCorralClient({ url, transport: 'ws', ...(token && { token }) });
  const { id: sessionId } = await corral.sessions.create.mutate({ title: 'doctor --attack' });
  try {
    const { hostname, port, protocol } = new URL(url);
    const serverPort = Number(port || (protocol === 'https:' ? 443 : 80));
    const script = buildInspectionScript({ canary: bait.title, canaryFile: bait.file, serverPort });
    const inside = evaluateSandboxFacts(
      parseInspectionFacts(await printed(corral, { sessionId, command: script }, signal)),
    );
    await printed(corral, { sessionId, command: `ln -sfn '${bait.file}' link` }, signal);
    const answers = await probeServer({ url, token, sessionId, hostFile: bait.file }, signal);
    const about = { hasToken: token !== undefined, isLoopback: isLoopback(hostname), secret: bait.secret };
    return [...inside, ...evaluateServerProbes(answers, about)];
  } finally {
    await corral.sessions.delete.mutate({ id: sessionId });
  }
}

async function printed(
  corral: CorralClient,
  { sessionId, command }: { readonly sessionId: string; readonly command: string },
  signal: AbortSignal,
): Promise<string> {
  return (await corral.sandbox.exec.mutate({ sessionId, command, timeoutMs: scriptMs }, { signal })).stdout;
}

/** Bait that a sandbox must not be able to see: a file that any user of this machine can read, and a unique process title. */
async function layBait() {
  const nonce = () => randomBytes(8).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'corral-doctor-'));
  await chmod(folder, 0o755); // a sandbox without isolation can run as another user
  const [file, secret] = [join(folder, 'secret'), nonce()];
  await writeFile(file, secret, { mode: 0o644 });
  const before = process.title;
  process.title = `corral-doctor-${nonce()}`;
  return {
    file,
    secret,
    title: process.title,
    async [Symbol.asyncDispose]() {
      process.title = before;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
