import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json, text } from 'node:stream/consumers';
import type { CallOptions, Driver, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import { type SandboxId, SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';

/** A backend under test. Its gate answers each connection with the id of the connecting sandbox. */
export interface DriverHarness extends AsyncDisposable {
  /** The name of an existing image that starts quickly. */
  readonly image: string;
  /**
   * Creates a new driver over the same backend, as a restarted server would. `replica` names another server of this
   * installation; `instance` is another installation on the same backend.
   */
  connect(as?: { replica?: string; instance?: string }): Promise<Driver>;
  /** Kills the sandbox without a driver call, as an operator or the OOM killer would. */
  killBehindItsBack(id: SandboxId): Promise<void>;
  /**
   * Everything that the backend still has of the sandbox: processes, containers, volumes, folders. For error messages.
   */
  remains(id: SandboxId): Promise<readonly string[]>;
}
export interface Kind {
  /** Whether sandboxes have real processes, which can be killed. */
  readonly real: boolean;
  readonly isolated: boolean;
  /**
   * Whether sandboxes have a network interface and are isolated by network policies. The server then mounts no sockets
   * inside.
   */
  readonly networked?: boolean;
}

export const budget = (ms = 60_000): CallOptions => ({ signal: AbortSignal.timeout(ms) });

let created = 0;
const run = Math.floor(Math.random() * 2 ** 32);
export function testSpec(image: string, over: Partial<SandboxSpec> = {}): SandboxSpec {
  created += 1;
  const sessionId = SessionId.parse(run.toString(16).padStart(8, '0') + created.toString(16).padStart(8, '0'));
  return {
    id: sandboxIdOf(sessionId),
    sessionId,
    epoch: 1,
    template: 'base',
    image,
    limits: { memoryBytes: 512 * 2 ** 20, cpus: 1, pids: 256, diskBytes: 2 ** 30 },
    egress: { kind: 'none' },
    env: {},
    expiresAt: Date.now() + 600_000,
    ...over,
  };
}

/** Sends a request to the daemon over the link and resolves with its status and body. */
export async function askDaemon(link: SandboxLink, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${link.token.reveal()}`, 'content-type': 'application/json' };
  const options = { agent: link.agent, method, headers, signal: AbortSignal.timeout(60_000) };
  const call = request(`http://sandbox${path}`, options);
  call.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const isJson = response.headers['content-type']?.includes('json') === true;
  return { status: response.statusCode, body: await (isJson ? json(response) : text(response)) };
}

/** Runs a command inside and resolves with its output. */
export async function sh(link: SandboxLink, command: string): Promise<string> {
  const { status, body } = await askDaemon(link, 'POST', '/exec', { command });
  if (status !== 200) throw new Error(`exec answered ${status}: ${JSON.stringify(body)}`);
  const { stdout, stderr } = body as { stdout: string; stderr: string };
  return stdout + stderr;
}

/** The driver under test, its backend, and a spec with an image of that backend. */
export interface TestedDriver {
  readonly harness: DriverHarness;
  readonly driver: Driver;
  spec(over?: Partial<SandboxSpec>): SandboxSpec;
}
