import { AppError } from '../../core/errors/errors.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';

/**
 * Reads the egress proxy's refusal of this address. A browser hides the answer to a refused tunnel, so this repeats the
 * request with a tool that shows it: the reason is in the status line.
 */
export async function explainRefusal(
  sandbox: SandboxClient,
  url: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(url);
  if (!/^[\w.:[\]-]+$/.test(hostname)) return undefined; // because the name becomes part of a command
  const authority = `${hostname}:${port || (protocol === 'http:' ? 80 : 443)}`;
  const script = `p=\${https_proxy:-http://127.0.0.1:3128}; p=\${p#*://}; p=\${p%/}
exec 3<>"/dev/tcp/\${p%:*}/\${p##*:}" && printf 'CONNECT %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' ${authority} ${authority} >&3 && head -n 1 <&3`;
  const command = `timeout 5 bash -c ${quoteForShell(script)}`;
  const { stdout } = await sandbox.exec({ command, timeoutMs: 6_000 }, signal).catch((thrown: unknown) => {
    if (thrown instanceof AppError && thrown.code === 'cancelled') throw thrown;
    return { stdout: '' };
  });
  return /^HTTP\/1\.[01] 4\d\d (egress to .*)/.exec(stdout)?.[1]?.trim();
}
