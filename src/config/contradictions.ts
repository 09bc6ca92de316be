import { isIPv4 } from 'node:net';
import type { Config } from './schema.ts';

/** Whether only this machine can reach a server at that address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}

/** Conflicts between settings that are each valid alone. One line each. */
export function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (!isLoopback(config.host) && !config.token) {
    problems.push(
      `HOST is ${config.host}, which other machines can reach, and CORRAL_TOKEN is not set: set CORRAL_TOKEN, or listen on 127.0.0.1.`,
    );
  }
  if (config.history === 'memory' && config.mongodbUrl) {
    problems.push('CORRAL_HISTORY is memory, and MONGODB_URL names a database to keep it in: unset one of them.');
  }
  problems.push(...missingStorage(config));
  const [provider] = config.model.split('/') as ['demo' | keyof Config['models']];
  const { apiKey, baseUrl } = provider === 'demo' ? { apiKey: undefined, baseUrl: 'none' } : config.models[provider];
  if (!apiKey && !baseUrl) {
    problems.push(
      `CORRAL_MODEL is ${config.model}, and there is no key for ${provider}: set ${provider.toUpperCase()}_API_KEY, or use the model demo.`,
    );
  }
  return problems;
}

function missingStorage({ storage: { kind, path, s3 }, mongodbUrl }: Config): string[] {
  const missing = (name: string) => `CORRAL_STORAGE_KIND is ${kind}, which needs ${name}.`;
  if (kind === 'volume' && !path) return [missing('CORRAL_STORAGE_PATH, the mounted folder')];
  if (kind === 'mongo' && !mongodbUrl) return [missing('MONGODB_URL')];
  if (kind !== 's3') return [];
  return [
    ...(s3.bucket ? [] : [missing('CORRAL_STORAGE_S3_BUCKET')]),
    ...(s3.accessKeyId ? [] : [missing('AWS_ACCESS_KEY_ID')]),
    ...(s3.secretAccessKey ? [] : [missing('AWS_SECRET_ACCESS_KEY')]),
  ];
}
