import { once } from 'node:events';
import { chmod, realpath, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { containerRules, type FilterScope, volumeRules } from './container-rules.ts';
import { asksForLabel, type Verdict, verdictOn } from './routes.ts';

export interface FilterOptions extends FilterScope {
  /** The engine's own socket; the only process that needs it is this one. */
  readonly engine: string;
  /** Where the server finds the engine instead. */
  readonly listen: string;
  readonly onRefused: (request: string, why: string) => void;
}
const maxBodyBytes = 2 ** 20;

/**
 * An engine's socket that can do no more than sandboxes need. Whoever holds an engine's own socket is root on its host;
 * whoever holds this one can make, see and end hardened containers of one installation. What it lets through it lets
 * through untouched.
 */
export async function engineFilter(options: FilterOptions): Promise<AsyncDisposable> {
  const server = createServer({ requestTimeout: 0, headersTimeout: 10_000 }, (incoming, reply) => {
    decide(options, incoming)
      .then((body) => forward(options.engine, incoming, reply, body))
      .catch((thrown: unknown) => {
        const { status, why } = thrown instanceof Refusal ? thrown : { status: 502, why: 'the engine does not answer' };
        if (status === 403) options.onRefused(`${incoming.method} ${incoming.url?.split('?')[0]}`, why);
        if (reply.headersSent) return void reply.destroy();
        reply.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
        reply.end(JSON.stringify({ message: `Corral's engine filter: ${why}.` }));
      });
  });
  server.on('upgrade', (_request, socket) => socket.destroy()); // attach and exec take a connection over
  await rm(options.listen, { force: true });
  server.listen(options.listen);
  await once(server, 'listening');
  await chmod(options.listen, 0o660);
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

class Refusal extends Error {
  readonly status: number;
  readonly why: string;
  constructor(status: number, why: string) {
    super(why);
    this.status = status;
    this.why = why;
  }
}

/** Resolves with the body where it had to be read; rejects with a Refusal. */
async function decide(options: FilterOptions, incoming: IncomingMessage): Promise<Buffer | undefined> {
  const { method = '', url = '' } = incoming;
  const label = `corral.owner-instance=${options.instance}`;
  const verdict = verdictOn(method, url);
  switch (verdict.kind) {
    case 'pass':
      return undefined;
    case 'labelled-list':
      if (!asksForLabel(url, label)) throw new Refusal(403, `a list needs the filter label=${label}`);
      return undefined;
    case 'own':
      return await onlyOwn(options, verdict);
    case 'create':
      return await onlyHardened(options, verdict.name, incoming);
    case 'create-volume':
      return await onlyLabels(options, incoming);
    case 'refuse':
      throw new Refusal(403, verdict.why);
  }
}

async function onlyOwn(options: FilterOptions, { what, id, newName }: Verdict & { kind: 'own' }): Promise<undefined> {
  const { status, json } = await ask(
    options.engine,
    what === 'containers' ? `/containers/${id}/json` : `/volumes/${id}`,
  );
  const { Config, Labels } = json as { Config?: { Labels?: Labels }; Labels?: Labels };
  const labels = what === 'containers' ? Config?.Labels : Labels;
  // somebody else's is as unknown as one that is not there
  if (status !== 200 || labels?.['corral.owner-instance'] !== options.instance)
    throw new Refusal(404, `there is no such one among ${what}: ${id}`);
  if (newName !== undefined) checkName(options, newName);
}
type Labels = Record<string, string> | null;

async function onlyHardened(options: FilterOptions, name: string, incoming: IncomingMessage): Promise<Buffer> {
  checkName(options, name);
  const { data, error } = containerRules(options, name).safeParse(parsed(await bodyOf(incoming)));
  if (error) throw new Refusal(403, `that container may not be made: ${z.prettifyError(error)}`);
  const { Source } = (data as { HostConfig: { Mounts: [{ Source: string }] } }).HostConfig.Mounts[0];
  // the engine follows links; the server's user could have put one there
  const real = await realpath(Source).catch(() => undefined);
  if (real !== Source) throw new Refusal(403, `${Source} is not a folder of its own`);
  // written anew: the engine reads a doubled key otherwise than we do
  return Buffer.from(JSON.stringify(data));
}

async function onlyLabels(options: FilterOptions, incoming: IncomingMessage): Promise<Buffer> {
  const { data, error } = volumeRules(options).safeParse(parsed(await bodyOf(incoming)));
  if (error) throw new Refusal(403, `that volume may not be made: ${z.prettifyError(error)}`);
  return Buffer.from(JSON.stringify(data));
}

function checkName({ instance }: FilterOptions, name: string): void {
  const prefix = `corral-${instance}-`;
  if (!name.startsWith(prefix)) throw new Refusal(403, `a container's name has to begin with ${prefix}`);
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refusal(400, 'the body is not JSON');
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Refusal(413, 'the body is over 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function ask(engine: string, path: string): Promise<{ status: number; json: unknown }> {
  const outgoing = request({ socketPath: engine, path, agent: false, timeout: 10_000 });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s'))).end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: answer.statusCode ?? 0, json: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
}

async function forward(
  engine: string,
  incoming: IncomingMessage,
  reply: ServerResponse,
  body: Buffer | undefined,
): Promise<void> {
  const { connection: _connection, upgrade: _upgrade, 'transfer-encoding': _chunked, ...headers } = incoming.headers;
  if (body) headers['content-length'] = String(body.length);
  const outgoing = request({ socketPath: engine, method: incoming.method, path: incoming.url, headers, agent: false });
  reply.on('close', () => outgoing.destroy());
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  answer.on('error', () => reply.destroy());
  outgoing.on('error', () => reply.destroy());
  reply.writeHead(answer.statusCode ?? 502, answer.headers);
  reply.flushHeaders();
  answer.pipe(reply);
}
