import { expand } from './caller-rights.ts';
import type { Targets } from './caller-targets.ts';

// The inputs of tRPC procedures and MCP tools, filled with the ids that the call is about.

const bound = { name: 'api', hosts: ['api.example.org'], value: 'a-value-of-the-matrix' };
const skillFiles = [
  {
    path: 'SKILL.md',
    content: Buffer.from('---\nname: house-style\ndescription: How texts are written here.\n---\nBe brief.\n').toString(
      'base64',
    ),
  },
];
const noteOf = ({ project }: Targets) => ({ of: 'project', id: project, path: 'build.md' });
const inputs: Record<string, (to: Targets) => object> = Object.fromEntries(
  Object.entries<(to: Targets) => object>({
    'sessionCredentials.put': ({ sid }) => ({ sessionId: sid, ...bound }),
    'sessionCredentials.revoke': ({ sid }) => ({ sessionId: sid, name: 'api' }),
    'serverCredentials.put': () => bound,
    'serverCredentials.revoke': () => ({ name: 'api' }),
    'projectCredentials.list': ({ project }) => ({ projectId: project }),
    'projectCredentials.put': ({ project }) => ({ projectId: project, ...bound }),
    'projectCredentials.revoke': ({ project }) => ({ projectId: project, name: 'api' }),
    'events.subscribe': ({ sid }) => ({ sessionId: sid, lastEventId: '0' }),
    'sessions.update': ({ sid }) => ({ id: sid, pinned: true }),
    'sessions.fork': ({ sid }) => ({ id: sid }),
    'sessions.edit': ({ sid }) => ({ id: sid, seq: 2, text: 'hi' }),
    'shares.revoke': ({ sid }) => ({ sessionId: sid, id: '0123456789ab' }),
    'ports.close': ({ sid }) => ({ sessionId: sid, id: '0123456789ab' }),
    'attempts.(get|stop)': ({ sid }) => ({ sessionId: sid, id: '0123456789ab' }),
    'ports.open': ({ sid }) => ({ sessionId: sid, of: 'files' }),
    'sessions.deleteMany': () => ({ ids: ['f'.repeat(16)] }),
    'egress.(allow|withdraw)': ({ sid }) => ({ sessionId: sid, host: 'example.org' }),
    'egress.narrow': ({ sid }) => ({ sessionId: sid, hosts: null }),
    'checkpoints.diff': ({ sid }) => ({ sessionId: sid, from: 0 }),
    'checkpoints.restore': ({ sid }) => ({ sessionId: sid, number: 0 }),
    'attempts.start': ({ sid }) => ({ sessionId: sid, task: 'Change it', attempts: 2 }),
    'attempts.(diff|choose)': ({ sid }) => ({ sessionId: sid, id: '0123456789ab', n: 1 }),
    'repositories.(fetch|status|diff|patch|check|allowServices|push)': ({ sid }) => ({
      sessionId: sid,
      path: 'project',
    }),
    'pullRequests.(state|sendFeedback)': ({ sid }) => ({ sessionId: sid, path: 'project' }),
    'repositories.commit': ({ sid }) => ({ sessionId: sid, path: 'project', message: 'Change it' }),
    'pullRequests.open': ({ sid }) => ({ sessionId: sid, path: 'project', title: 'Change it' }),
    'sessions.named': () => ({ name: 'of-the-matrix' }),
    'sessions.byName': ({ boxName: name }) => ({ name }),
    'runs.send': ({ sid }) => ({ sessionId: sid, text: 'hi' }),
    'runs.(approve|reject)': ({ sid }) => ({ sessionId: sid, callId: 'c' }),
    'desktop.(control|takeControl|giveControl)': ({ sid }) => ({ sessionId: sid, viewer: 'somebody' }),
    'sandbox.exec': ({ sid }) => ({ sessionId: sid, command: 'true' }),
    'terminals.write': ({ terminal }) => ({ terminalId: terminal, text: 'a' }),
    'terminals.resize': ({ terminal }) => ({ terminalId: terminal, cols: 80, rows: 24 }),
    'terminals.close': ({ terminal }) => ({ terminalId: terminal }),
    'files.(before|read)': ({ sid }) => ({ sessionId: sid, path: 'report.md' }),
    'terminals.viewShell': ({ sid }) => ({ sessionId: sid, shellId: 'main' }),
    'terminals.typeIntoShell': ({ sid }) => ({ sessionId: sid, shellId: 'main', text: 'a' }),
    'files.write': ({ sid }) => ({ sessionId: sid, path: 'a.md', content: 'a' }),
    'files.delete': ({ sid }) => ({ sessionId: sid, path: 'a.md' }),
    'files.find': ({ sid }) => ({ sessionId: sid, pattern: '*' }),
    'files.grep': ({ sid }) => ({ sessionId: sid, pattern: 'a' }),
    'processes.(stop|logs)': ({ sid }) => ({ sessionId: sid, pid: 1 }),
    'projects.move': ({ sid, project }) => ({ of: 'session', resource: sid, projectId: project }),
    'projects.putMember': ({ project, person }) => ({ id: project, member: person, role: 'viewer' }),
    'projects.removeMember': ({ project, person }) => ({ id: project, member: person }),
    'projectAccounts.create': ({ project }) => ({ id: project, name: 'x' }),
    'projectAccounts.revoke': ({ project }) => ({ id: project, account: '0123456789ab' }),
    'projects.handOver': ({ project, person }) => ({ id: project, to: person }),
    'projects.update': ({ project }) => ({ id: project, name: 'New' }),
    'projects.updateAgent': ({ project }) => ({ id: project, prompt: 'Be brief.' }),
    'toolServers.put': () => ({ name: 'tools', url: 'ftp://tools.example' }),
    'toolServers.change': ({ toolServer: name }) => ({ name, tools: ['find'] }),
    'toolServers.(test|remove|signOut)': ({ toolServer: name }) => ({ name }),
    'toolServers.beginSignIn': ({ toolServer: name }) => ({ name, returnTo: 'https://corral.example/' }),
    'toolServers.endSignIn': ({ toolServer: name }) => ({ name, state: 's', code: 'c' }),
    'models.test': () => ({ provider: 'openai' }),
    'models.use': () => ({ provider: 'nobody', model: 'none' }),
    'models.forget': () => ({ provider: 'nobody' }),
    'automations.create': () => ({ name: 'Report', message: 'Say hi' }),
    'webhooks.create': () => ({ name: 'Hook', url: 'https://hooks.example.com/' }),
    'webhooks.list': () => ({}),
    'skills.list': () => ({}),
    'automations.list': () => ({}),
    'budgets.list': () => ({}),
    'administration.(audit|overview|projects|stopAll)': () => ({}),
    'memory.list': () => ({}),
    'webhooks.resend': (to) => ({ id: to.webhook, delivery: to.delivery }),
    'skills.(check|create)': () => ({ files: skillFiles }),
    'skills.addVersion': (to) => ({ id: to.skill, files: skillFiles }),
    'skills.(version|deleteVersion)': (to) => ({ id: to.skill, version: to.skillVersion }),
    'skills.read': (to) => ({ id: to.skill, version: to.skillVersion, file: 'SKILL.md' }),
    'automations.times': () => ({ cron: '0 9 * * *' }),
    'settings.change': () => ({ key: 'max-steps', value: 100 }),
    'settings.reset': () => ({ key: 'max-steps' }),
    'usage.report': () => ({ from: '2026-11-01', to: '2026-11-30' }),
    'budgets.get': ({ project }) => ({ of: 'project', id: project }),
    'memory.notes': ({ project }) => ({ of: 'project', id: project }),
    'budgets.change': ({ project }) => ({ of: 'project', id: project, tokensPerDay: null }),
    'memory.write': (to) => ({ ...noteOf(to), text: 'Run make.' }),
    'memory.redact': (to) => ({ ...noteOf(to), path: 'tokens.md', version: 1 }),
    'drain.set': () => ({ draining: false }),
    'keys.create': () => ({ name: 'x', role: 'viewer' }),
    'keys.revoke': ({ key }) => ({ id: key }),
    'people.change': ({ person }) => ({ id: person, disabled: false }),
    'people.allowCommand': () => ({ challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', agent: 'x' }),
    'people.endDevice': () => ({ id: '0123456789ab' }),
    'personalKeys.create': () => ({ name: 'x' }),
    'personalKeys.revoke': () => ({ id: '0123456789ab' }),
    'keys.trust': () => ({ name: 'x', role: 'user', trust: { issuer: 'https://a.example', claims: { sub: 'a' } } }),
  }).flatMap(([names, input]) => expand(names).map((name) => [name, input])),
);

export function inputOf(name: string, to: Targets): object {
  const provided = inputs[name];
  if (provided) return provided(to);
  if (/^(projects\.(get|agent|delete|members)|projectAccounts\.list)$/.test(name)) return { id: to.project };
  if (name.startsWith('skills.')) return { id: to.skill };
  if (name.startsWith('memory.')) return noteOf(to);
  if (name === 'snapshots.list' || name === 'serverCredentials.list') return {};
  if (name === 'snapshots.create') return { sessionId: to.sid };
  if (name.startsWith('snapshots.')) return { id: to.snapshot };
  if (name.startsWith('templateBuilds.')) return buildInputOf(name, to);
  if (name === 'volumes.list') return {};
  if (name === 'volumes.create') return { name: 'of-the-matrix' };
  if (name === 'volumes.removeFile') return { volume: to.volume, path: 'report.md' };
  if (name.startsWith('volumes.')) return { volume: to.volume };
  if (name === 'uploads.list') return {};
  if (name === 'uploads.delete') return { id: to.file };
  if (name.startsWith('webhooks.')) return { id: to.webhook };
  if (name.startsWith('automations.')) return { id: to.automation };
  if (/^sessions\.(get|agent|skills|cost|delete|promptAt)$/.test(name)) return { id: to.sid };
  if (name === 'projects.create') return { name: 'One' };
  return /^(sessions|projects|templates|models|toolServers|settings|keys|people|personalKeys|drain|system)\./.test(name)
    ? {}
    : { sessionId: to.sid };
}

function buildInputOf(name: string, { template, build }: Targets): object {
  const ofBuild = { id: template, build };
  const inputs: Readonly<Record<string, object>> = {
    ability: {},
    list: {},
    plan: { dockerfile: 'FROM corral/sandbox' },
    begin: { name: 'of-the-matrix' },
    status: ofBuild,
    cancel: ofBuild,
    hasFiles: { id: template, hash: 'a' },
    start: { ...ofBuild, dockerfile: 'FROM corral/sandbox' },
    tag: { from: template, tags: ['v2'] },
    untag: { id: template, tags: ['v2'] },
  };
  return inputs[name.slice('templateBuilds.'.length)] ?? { id: template };
}

export const mcpInputs: Record<string, object> = {
  run_command: { command: 'true' },
  read_file: { path: 'report.md' },
  write_file: { path: 'a.md', content: 'a' },
  run_task: { task: 'hi', wait_seconds: 0 },
  watch_session: { wait_seconds: 0 },
  decide_approval: { call_id: 'c', decision: 'approved' },
};
/** The resources below the session's address. */
export const mcpAddresses: Record<string, string> = {
  session: '',
  file: '/files/report.md',
  screen: '/screen',
  screenshot: '/screenshots/00000000-0000-4000-8000-00000000eeee',
};
