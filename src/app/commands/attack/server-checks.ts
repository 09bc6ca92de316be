import type { ProbeName, ProbeResponses } from './ask-server.ts';
import type { Finding } from './checks.ts';

interface ServerFacts {
  readonly hasToken: boolean;
  readonly isLoopback: boolean;
  readonly secret: string;
}
interface Check {
  readonly name: string;
  readonly against: readonly string[];
  readonly holds: string;
  readonly advice: string;
  judge(
    answers: ProbeResponses,
    about: ServerFacts,
  ): { readonly state: 'broken' | 'weak'; readonly text: string } | undefined;
}

const isOpen = ({ status }: { readonly status: number }) => (status >= 200 && status < 400) || status === 101;
const broken = (text: string) => ({ state: 'broken', text }) as const;
const weak = (text: string) => ({ state: 'weak', text }) as const;

export const serverChecks: readonly Check[] = [
  {
    name: 'server-needs-a-token',
    against: ['CVE-2026-112346', 'CVE-2026-86124', 'CVE-2026-22812 (servers without keys)'],
    holds: 'no access without a valid token',
    advice: 'Set CORRAL_TOKEN, or create keys: npm start -- keys create.',
    judge(answers, { hasToken, isLoopback }) {
      const names: ProbeName[] = [
        'without a token',
        'with a wrong token',
        'its health without a token',
        'its metrics without a token',
      ];
      const open = names.filter((name) => isOpen(answers[name]));
      if (open.length === 0) return undefined;
      if (hasToken || !isLoopback) return broken(`the server answers ${open.join(', ')}`);
      return weak('every program on this machine can use the server');
    },
  },
  {
    name: 'server-checks-the-host',
    against: ['DNS rebinding'],
    holds: 'another name for this server is refused, or needs a token',
    advice: 'Listen on loopback, or set CORRAL_TOKEN; name only your own hosts in CORRAL_ALLOWED_HOSTS.',
    judge(answers, { isLoopback }) {
      if (isOpen(answers['under another Host, without a token']))
        return broken('a page of any site can rebind its name to it');
      if (isLoopback && isOpen(answers['under another Host'])) return weak('it accepts any Host with a valid token');
      return undefined;
    },
  },
  {
    name: 'server-checks-the-origin',
    against: ['CVE-2026-22812', 'cross-site requests', 'cross-site WebSockets'],
    holds: 'pages of other sites can change nothing and open no socket',
    advice: 'Name only your own origins in CORRAL_CORS_ORIGINS; make proxies forward the Origin header.',
    judge(answers) {
      const names: ProbeName[] = ['a change from another site', 'a socket from another site'];
      const passed = names.filter((name) => ![401, 403, 0].includes(answers[name].status));
      return passed.length > 0 ? broken(`it admits ${passed.join(' and ')}`) : undefined;
    },
  },
  {
    name: 'server-shares-no-answers',
    against: ['CORS with credentials', 'CVE-2026-22812'],
    holds: 'pages of other sites cannot read responses',
    advice: 'Name only your own origins in CORRAL_CORS_ORIGINS; remove CORS headers that a proxy adds.',
    judge(answers) {
      const { headers } = answers['a list from another site'];
      const allowed = headers['access-control-allow-origin'];
      if (allowed === undefined) return undefined;
      const isWhole = headers['access-control-allow-credentials'] === 'true' || allowed !== '*';
      return isWhole
        ? broken(`every site can read its responses (${String(allowed)})`)
        : weak('every site can read its responses');
    },
  },
  {
    name: 'server-keeps-to-the-workspace',
    against: ['path traversal', 'CVE-2026-39861 (links out of the workspace)'],
    holds: 'paths and links lead to no file of this machine',
    advice: 'Update Corral, and report it as SECURITY.md says.',
    judge(answers, { secret }) {
      const names: ProbeName[] = ['a file by its path', 'a file above the workspace', 'a file behind a link'];
      const read = names.filter((name) => answers[name].text.includes(secret));
      return read.length > 0 ? broken(`it serves a file of this machine: ${read.join(', ')}`) : undefined;
    },
  },
  {
    name: 'server-closes-the-forwarder',
    against: ['ports of sandboxes that are open to strangers'],
    holds: 'nobody reaches a sandbox’s forwarder by its public name',
    advice: 'Update Corral; until then set CORRAL_E2B_FACADE=off, and revoke the credentials of its sessions.',
    judge(answers) {
      const { status, text } = answers['the forwarder of a sandbox'];
      const isForwarder = isOpen({ status }) || /proxy|egress/i.test(text);
      return isForwarder ? broken('a stranger can use the sandbox’s credentials') : undefined;
    },
  },
];

export function evaluateServerProbes(answers: ProbeResponses, about: ServerFacts): Finding[] {
  return serverChecks.map(({ name, against, holds, advice, judge }): Finding => {
    const wrong = judge(answers, about);
    return wrong ? { check: name, against, ...wrong, advice } : { check: name, against, state: 'ok', text: holds };
  });
}
