import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { KubernetesOptions } from '../options.ts';

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const rereadMs = 10_000;

export const isInCluster = () => existsSync(tokenPath);

type CredentialOptions = Pick<KubernetesOptions, 'kubeconfig' | 'context' | 'clock'>;
export function openKubeCredentials({ clock, ...where }: CredentialOptions) {
  const config = load(where);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new AppError('invalid_request', 'The kubeconfig has no cluster for its current context.');
  const tokenFile: string | undefined = config.getCurrentUser()?.authProvider?.config?.tokenFile;
  let token: { text: string; readAt: number } | undefined;
  let kept: { secrets: string; agent: HttpsAgent } | undefined;

  async function bearer(path: string): Promise<string> {
    if (!token || clock.now() - token.readAt > rereadMs) {
      token = { text: (await readFile(path, 'utf8')).trim(), readAt: clock.now() };
    }
    return token.text;
  }
  /** Keeps the agent while the certificates are unchanged, to reuse its connections. */
  function agentFor({ ca, cert, key, rejectUnauthorized = true, servername = '' }: RequestOptions): HttpsAgent {
    const secrets = [ca, cert, key].map(String).join('|');
    if (kept?.secrets !== secrets) {
      kept?.agent.destroy();
      const options = { keepAlive: true, maxSockets: 64, ca, cert, key, rejectUnauthorized };
      kept = { secrets, agent: new HttpsAgent({ ...options, ...(servername && { servername }) }) };
    }
    return kept.agent;
  }

  return {
    config,
    server: new URL(cluster.server),
    async apply(): Promise<RequestOptions> {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options as Parameters<typeof config.applyToHTTPSOptions>[0]);
      if (tokenFile) options.headers = { ...options.headers, Authorization: `Bearer ${await bearer(tokenFile)}` };
      if (!cluster.server.startsWith('https:')) delete options.agent;
      else if (!cluster.proxyUrl) options.agent = agentFor(options);
      return options;
    },
    /** Call after a 401: the next request reads the token file again. */
    forget() {
      token = undefined;
    },
    [Symbol.dispose]() {
      kept?.agent.destroy();
    },
  };
}

export type KubeCredentials = ReturnType<typeof openKubeCredentials>;

function load({ kubeconfig, context }: Omit<CredentialOptions, 'clock'>): KubeConfig {
  const config = new KubeConfig();
  try {
    const [first, ...others] = (kubeconfig ?? '').split(':').filter(Boolean);
    if (first) config.loadFromFile(first);
    else if (isInCluster()) config.loadFromCluster();
    else config.loadFromDefault();
    for (const file of others) {
      const more = new KubeConfig();
      more.loadFromFile(file);
      config.mergeConfig(more);
    }
  } catch (cause) {
    throw new AppError('invalid_request', `The kubeconfig cannot be read (${(cause as Error).message}).`, { cause });
  }
  if (context) config.setCurrentContext(context);
  return config;
}
