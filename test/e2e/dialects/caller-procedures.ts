import { appRouter } from '../../../src/facades/trpc/router.ts';
import type { Targets } from './caller-targets.ts';

// The input of each tRPC procedure, filled with the ids that the call is about.

type Kind = 'query' | 'mutation' | 'subscription';
export const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { type: Kind } }>;
const bound = { name: 'api', hosts: ['api.example.org'], value: 'a-value-of-the-matrix' };
const inputs: Record<string, (to: Targets) => object> = {
  'sessionCredentials.put': ({ sid }) => ({ sessionId: sid, ...bound }),
  'sessionCredentials.revoke': ({ sid }) => ({ sessionId: sid, name: 'api' }),
  'projectCredentials.list': ({ project }) => ({ projectId: project }),
  'projectCredentials.put': ({ project }) => ({ projectId: project, ...bound }),
  'projectCredentials.revoke': ({ project }) => ({ projectId: project, name: 'api' }),
  'events.subscribe': ({ sid }) => ({ sessionId: sid, lastEventId: '0' }),
  'sessions.update': ({ sid }) => ({ id: sid, pinned: true }),
  'sessions.fork': ({ sid }) => ({ id: sid }),
  'shares.revoke': ({ sid }) => ({ sessionId: sid, id: '0123456789ab' }),
  'sessions.deleteMany': () => ({ ids: ['f'.repeat(16)] }),
  'egress.allow': ({ sid }) => ({ sessionId: sid, host: 'example.org' }),
  'egress.withdraw': ({ sid }) => ({ sessionId: sid, host: 'example.org' }),
  'runs.send': ({ sid }) => ({ sessionId: sid, text: 'hi' }),
  'runs.approve': ({ sid }) => ({ sessionId: sid, callId: 'c' }),
  'runs.reject': ({ sid }) => ({ sessionId: sid, callId: 'c' }),
  'desktop.takeControl': ({ sid }) => ({ sessionId: sid, viewer: 'somebody' }),
  'desktop.giveControl': ({ sid }) => ({ sessionId: sid, viewer: 'somebody' }),
  'sandbox.exec': ({ sid }) => ({ sessionId: sid, command: 'true' }),
  'terminals.write': ({ terminal }) => ({ terminalId: terminal, text: 'a' }),
  'terminals.resize': ({ terminal }) => ({ terminalId: terminal, cols: 80, rows: 24 }),
  'terminals.close': ({ terminal }) => ({ terminalId: terminal }),
  'files.before': ({ sid }) => ({ sessionId: sid, path: 'report.md' }),
  'terminals.typeIntoShell': ({ sid }) => ({ sessionId: sid, shellId: 'main', text: 'a' }),
  'files.read': ({ sid }) => ({ sessionId: sid, path: 'report.md' }),
  'files.write': ({ sid }) => ({ sessionId: sid, path: 'a.md', content: 'a' }),
  'files.delete': ({ sid }) => ({ sessionId: sid, path: 'a.md' }),
  'files.find': ({ sid }) => ({ sessionId: sid, pattern: '*' }),
  'files.grep': ({ sid }) => ({ sessionId: sid, pattern: 'a' }),
  'processes.stop': ({ sid }) => ({ sessionId: sid, pid: 1 }),
  'processes.logs': ({ sid }) => ({ sessionId: sid, pid: 1 }),
  'projects.update': ({ project }) => ({ id: project, name: 'New' }),
  'projects.updateAgent': ({ project }) => ({ id: project, prompt: 'Be brief.' }),
  'keys.create': () => ({ name: 'x', role: 'viewer' }),
  'keys.revoke': ({ key }) => ({ id: key }),
};

export function inputOf(name: string, to: Targets): object {
  const given = inputs[name];
  if (given) return given(to);
  if (/^projects\.(get|agent|delete)$/.test(name)) return { id: to.project };
  if (/^sessions\.(get|agent|cost|delete|promptAt)$/.test(name)) return { id: to.sid };
  if (name === 'projects.create') return { name: 'One' };
  return /^(sessions|projects|templates|keys|system)\./.test(name) ? {} : { sessionId: to.sid };
}

/** The kind of thing that a procedure changes; each caller needs one of its own. */
export function placeOf(name: string): string {
  if (/^terminals\.(write|resize|close)$/.test(name)) return 'shell_id';
  return /^project(s|Credentials)\./.test(name) ? 'project_id' : 'sid';
}
