import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ownBundle = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Writes the file of trusted authorities if the server mounts no folder. The server then passes only its extra
 * authorities (PEM), and the image's own are added here.
 */
export function trustAuthorities(runDir: string, env: NodeJS.ProcessEnv): void {
  if (env.CORRAL_EXTRA_CA_PEM === undefined) return;
  writeFileSync(join(runDir, 'ca.pem'), `${known()}\n${env.CORRAL_EXTRA_CA_PEM}`);
}

function known(): string {
  try {
    return readFileSync(ownBundle, 'utf8');
  } catch {
    return ''; // the image has no authorities
  }
}
