import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ownBundle = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Where no folder of the server is mounted, it gives only the authorities that images do not know (PEM), and the file
 * that tools are told about is made here.
 */
export function trustAuthorities(runDir: string, env: NodeJS.ProcessEnv): void {
  if (env.CORRAL_EXTRA_CA_PEM === undefined) return;
  writeFileSync(join(runDir, 'ca.pem'), `${known()}\n${env.CORRAL_EXTRA_CA_PEM}`);
}

function known(): string {
  try {
    return readFileSync(ownBundle, 'utf8');
  } catch {
    return ''; // an image without authorities
  }
}
