import { isIPv4 } from 'node:net';
import { keyedProviders } from '../../agents/models/providers.ts';
import type { Config } from './schema.ts';

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}

export function findConfigContradictions(config: Config): string[] {
  const problems: string[] = [];
  if (!isLoopback(config.host) && !config.token && config.oidc.issuer === undefined && !hasIdentityProxy(config)) {
    problems.push(
      `HOST is ${config.host}, which other machines can reach, but CORRAL_TOKEN is not set: set CORRAL_TOKEN, or listen on 127.0.0.1.`,
    );
  }
  if (config.history === 'memory' && config.mongodbUrl) {
    problems.push('CORRAL_HISTORY is memory, but MONGODB_URL sets a database for it: unset one of them.');
  }
  problems.push(...signInProblems(config), ...proxyProblems(config));
  problems.push(...missingStorage(config));
  problems.push(...missingKeys(config));
  return problems;
}

export const hasIdentityProxy = ({
  identityProxy: { subjectHeader, tokenHeader },
}: Pick<Config, 'identityProxy'>): boolean => subjectHeader !== undefined || tokenHeader !== undefined;

function proxyProblems(config: Config): string[] {
  const { tokenHeader, tokenKeys, tokenAudience } = config.identityProxy;
  return [
    ...(hasIdentityProxy(config) && config.trustedProxies.length === 0
      ? [
          'CORRAL_IDENTITY_PROXY_SUBJECT_HEADER lets a proxy identify callers, but CORRAL_TRUSTED_PROXIES is not set, so anyone could do so: set it to the addresses of the proxy.',
        ]
      : []),
    ...(tokenHeader !== undefined && (tokenKeys === undefined || tokenAudience === undefined)
      ? [
          'CORRAL_IDENTITY_PROXY_TOKEN_HEADER needs CORRAL_IDENTITY_PROXY_TOKEN_KEYS and CORRAL_IDENTITY_PROXY_TOKEN_AUDIENCE to verify its tokens.',
        ]
      : []),
    ...(config.programs.issuers.length > 0 && config.programs.audience === undefined
      ? ['CORRAL_PROGRAMS_ISSUERS needs CORRAL_PROGRAMS_AUDIENCE, the name of this server in the tokens of programs.']
      : []),
  ];
}

function signInProblems({ oidc: { issuer, clientId, others } }: Config): string[] {
  const all = [...(issuer === undefined ? [] : [issuer]), ...Object.values(others).map((it) => it.issuer)];
  return [
    ...(issuer !== undefined && clientId === undefined
      ? [`CORRAL_OIDC_ISSUER is ${issuer}, which needs CORRAL_OIDC_CLIENT_ID, the id of this server there.`]
      : []),
    ...(issuer === undefined && all.length > 0
      ? ['oidc.others lists more providers, but CORRAL_OIDC_ISSUER is not set: set it to the first of them.']
      : []),
    ...(new Set(all).size < all.length
      ? ['CORRAL_OIDC_ISSUER and oidc.others contain the same provider twice: remove one of them.']
      : []),
  ];
}

function missingKeys({ model, models }: Config): string[] {
  return [model, ...models.fallbacks].flatMap((ref) => {
    const [name = ''] = ref.split('/');
    const setting = ref === model ? 'CORRAL_MODEL' : 'models.fallbacks';
    if (ref === 'demo' || Object.hasOwn(models.compatible, name)) return [];
    const provider = keyedProviders.find((it) => it.name === name);
    if (!provider) {
      const known = [...keyedProviders.map((it) => it.name), ...Object.keys(models.compatible)].join(', ');
      return [
        `${setting} is ${ref}, but there is no provider ${name}. Providers: ${known}; add others under models.compatible.`,
      ];
    }
    const { apiKey, baseUrl } = models[provider.name];
    if (apiKey || baseUrl) return [];
    const [variable] = provider.access.keyVariables;
    return [`${setting} is ${ref}, but there is no key for ${name}: set ${variable}, or use the model demo.`];
  });
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
