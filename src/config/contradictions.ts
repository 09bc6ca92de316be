import { isIPv4 } from 'node:net';
import type { Config } from './schema.ts';

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}

/** What each setting allows and all together do not. One line each. */
export function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (!isLoopback(config.host) && !config.token) {
    problems.push(
      `HOST is ${config.host}, which other machines can reach, and CORRAL_TOKEN is not set: set CORRAL_TOKEN, or listen on 127.0.0.1.`,
    );
  }
  const [provider] = config.model.split('/') as ['demo' | keyof Config['models']];
  const { apiKey, baseUrl } = provider === 'demo' ? { apiKey: undefined, baseUrl: 'none' } : config.models[provider];
  if (!apiKey && !baseUrl) {
    problems.push(
      `CORRAL_MODEL is ${config.model}, and there is no key for ${provider}: set ${provider.toUpperCase()}_API_KEY, or use the model demo.`,
    );
  }
  return problems;
}
