import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../stores/store.ts';
import { httpServer } from '../http-server.ts';
import type { Account, IdentityProvider } from '../identity-provider.ts';

let built: Promise<string> | undefined;
/** The path of the program, which a process builds once. Rejects if Go or the module is not available. */
export function buildMockoidc(): Promise<string> {
  built ??= (async () => {
    const folder = temporaryFolder();
    process.once('exit', () => folder[Symbol.dispose]());
    const program = join(folder.path, 'mockoidc');
    const env = { ...process.env, CGO_ENABLED: '0' };
    await promisify(execFile)('go', ['build', '-trimpath', '-o', program, '.'], { cwd: import.meta.dirname, env });
    return program;
  })();
  return built;
}

/** mockoidc, which signs in `user` without a form. Requests go through a server of this process, which can be down. */
export async function mockProvider(): Promise<IdentityProvider> {
  const program = await buildMockoidc();
  const requests: string[] = [];
  const accounts = new Map<string, Account>();
  const server = await httpServer(async (request, response) => {
    const url = new URL(request.url ?? '/', it.issuer);
    requests.push(`${request.method} ${url.pathname}`);
    if (!it.isUp) {
      response.destroy();
      return;
    }
    if (url.pathname === '/oidc/authorize' && it.user === undefined) {
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.search = `${new URLSearchParams({ error: 'access_denied', state: url.searchParams.get('state') ?? '' })}`;
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    const body = await buffer(request);
    await control({});
    const { method, headers } = request;
    const passed = httpRequest(`http://${address}${request.url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy()).end(body);
  });
  const host = `127.0.0.1:${server.port}`;
  const child = spawn(program, [host], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const address = line.toString().trim();
  /** Sets what mockoidc knows. */
  const control = async (change: { forget?: true; rotate?: true }) => {
    const known = [...accounts].map(([subject, { name, email, email_verified, groups }]) => ({
      ...{ subject, preferredUsername: name, email, emailVerified: email_verified, groups },
    }));
    const init = { method: 'POST', body: JSON.stringify({ user: it.user ?? null, accounts: known, ...change }) };
    await fetch(`http://${address}/control`, init);
  };
  const it: IdentityProvider = {
    issuer: `http://${host}/oidc`,
    accounts,
    user: 'ada',
    isUp: true,
    instead: new Map(),
    requests,
    rotateKeys: () => control({ rotate: true }),
    forget: () => control({ forget: true }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      child.stdin.end();
      await once(child, 'exit');
    },
  };
  return it;
}
