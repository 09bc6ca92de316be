import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../stores/store.ts';
import { standIn } from './egress.ts';
import { selfSigned } from './egress-certificate.ts';

export interface GitServer extends AsyncDisposable {
  /** `host:port`, at which only a sandbox's proxy finds it. */
  readonly at: string;
  readonly certificate: string;
  /** The settings of a server whose sandboxes reach it, and no other host. */
  readonly settings: Readonly<Record<string, string>>;
  /** Method, path and whether the credential came, of each request. */
  readonly requests: string[];
  urlOf(repository: string): string;
  /**
   * Creates a repository with these files in its branch main; a name that begins with `public/` needs no credential.
   */
  make(repository: string, files: Readonly<Record<string, string>>, more?: (run: Git) => void): void;
  /** Runs git in the bare repository. */
  git(repository: string, ...args: string[]): string;
}
export type Git = (...args: string[]) => string;

const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.org', '-c', 'init.defaultBranch=main'];

/** Repositories behind HTTPS and basic authentication, by git's own `http-backend`; `api` answers below /api/. */
export async function gitServer(user: string, secret: string, api?: RequestListener): Promise<GitServer> {
  const host = hostname();
  const folder = mkdtempSync(join(tmpdir(), 'corral-git-server-'));
  const certificate = selfSigned(host);
  const certificateFile = join(folder, 'certificate.pem');
  writeFileSync(certificateFile, certificate.cert);
  const basic = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  const requests: string[] = [];
  const at = (repository: string) => join(folder, 'repositories', `${repository}.git`);
  const run = (cwd: string, ...args: string[]) =>
    execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const server = await standIn(
    createServer(certificate, (req, res) => {
      if (api && req.url?.startsWith('/api/')) return api(req, res);
      const isKnown = req.headers.authorization === basic;
      requests.push(`${req.method} ${req.url} ${isKnown ? 'known' : 'unknown'}`);
      if (!isKnown && !req.url?.startsWith('/public/')) {
        return void res.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
      }
      backend(join(folder, 'repositories'), req, res);
    }),
  );
  const address = `${host}:${server.port}`;
  return {
    at: address,
    certificate: certificateFile,
    settings: {
      CORRAL_EGRESS_POLICY: 'allow-list',
      CORRAL_EGRESS_ALLOW: address,
      CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8',
      CORRAL_EXTRA_CA: certificateFile,
    },
    requests,
    urlOf: (repository) => `https://${host}:${server.port}/${repository}.git`,
    make(repository, files, more) {
      const work = mkdtempSync(join(folder, 'work-'));
      run(work, 'init', '--quiet');
      for (const [name, content] of Object.entries(files)) {
        execFileSync('mkdir', ['-p', join(work, name, '..')]);
        writeFileSync(join(work, name), content);
      }
      run(work, 'add', '--all');
      run(work, 'commit', '--quiet', '--allow-empty', '-m', 'Begin');
      more?.((...args) => run(work, ...args));
      run(folder, 'clone', '--quiet', '--bare', work, at(repository));
      run(at(repository), 'config', 'http.receivepack', 'true');
      run(at(repository), 'config', 'uploadpack.allowAnySHA1InWant', 'true');
    },
    git: (repository, ...args) => run(at(repository), ...args),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await removeFolder(folder);
    },
  };
}

/** One request by CGI (RFC 3875). */
function backend(root: string, req: IncomingMessage, res: ServerResponse): void {
  const { pathname, search } = new URL(req.url ?? '/', 'http://x');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: req.method,
      CONTENT_TYPE: req.headers['content-type'] ?? '',
      CONTENT_LENGTH: req.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: req.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(req.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'somebody',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  req.pipe(child.stdin);
  let head = Buffer.alloc(0);
  let isBody = false;
  child.stdout.on('data', (chunk: Buffer) => {
    if (isBody) return void res.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    isBody = true;
    const fields = head
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map((line) => /^([^:]+): *(.*)$/.exec(line) ?? []);
    const status = fields.find(([, name]) => name === 'Status')?.[2];
    for (const [, name, value] of fields) if (name && name !== 'Status') res.setHeader(name, value ?? '');
    res.writeHead(status ? Number.parseInt(status, 10) : 200);
    res.write(head.subarray(end + 4));
  });
  child.on('close', () => res.end());
}
