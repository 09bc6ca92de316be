import { readdirSync, readFileSync } from 'node:fs';

/** Paths are relative to `docs` and omit `.md`. */
type Section = readonly [heading: string, pages: readonly (readonly [path: string, name: string])[]];

const ordered: readonly Section[] = [
  [
    'Start',
    [
      ['index', 'Start'],
      ['concepts', 'Concepts'],
      ['compare', 'Compare'],
      ['compare-apis', 'Compare the APIs'],
    ],
  ],
  [
    'Use a sandbox',
    [
      ['how-to/run-a-command', 'Run a command'],
      ['how-to/move-files', 'Move files'],
      ['how-to/watch-files', 'Watch files'],
      ['how-to/use-a-terminal', 'Use a terminal'],
      ['how-to/pause', 'Pause a box'],
      ['how-to/snapshots', 'Name, copy and move boxes'],
      ['how-to/fork-a-session', 'Fork a session'],
      ['how-to/limit-a-box', 'Label and limit boxes'],
      ['volumes', 'Keep files in volumes'],
      ['services', 'Run services next to a sandbox'],
      ['previews', 'Preview ports'],
      ['desktop', 'Use the desktop'],
      ['egress', 'Network access'],
      ['templates', 'Templates'],
    ],
  ],
  [
    'Run agents',
    [
      ['page', 'Use the page'],
      ['how-to/give-a-task', 'Give an agent a task'],
      ['how-to/answer-and-approve', 'Answer and approve'],
      ['models', 'Choose a model'],
      ['agents', 'Run Claude Code, Codex and others'],
      ['tools', 'Tools'],
      ['mcp', 'MCP tool servers'],
      ['browser', 'Browser'],
      ['skills', 'Skills'],
      ['memory', 'Memory'],
      ['prompts', 'Instructions'],
      ['approvals', 'Approvals'],
      ['budgets', 'Budgets'],
      ['goals', 'Goals'],
      ['attempts', 'Parallel attempts'],
      ['delegation', 'Delegation'],
      ['evaluation', 'Evaluate an agent'],
    ],
  ],
  [
    'Code and reviews',
    [
      ['repositories', 'Work on repositories'],
      ['forges', 'Open pull requests'],
    ],
  ],
  [
    'Automate',
    [
      ['automations', 'Automations'],
      ['webhooks', 'Webhooks'],
      ['mcp-server', 'Use Corral from an assistant'],
      ['how-to/serve-a-managed-environment', 'Serve hosted agents'],
      ['recipes/claude-code-mcp', 'With Claude Code'],
      ['recipes/gemini-cli', 'With Gemini CLI'],
      ['recipes/openai-agents-sdk', 'With the OpenAI Agents SDK'],
      ['recipes/vercel-ai-sdk', 'With the Vercel AI SDK'],
      ['recipes/langchain', 'With LangChain'],
      ['recipes/deepagents', 'With Deep Agents'],
      ['recipes/computesdk', 'With ComputeSDK'],
      ['recipes/harbor', 'With Harbor'],
    ],
  ],
  [
    'Operate',
    [
      ['deploy', 'Deploy'],
      ['how-to/deploy-behind-a-proxy', 'Deploy behind a proxy with TLS'],
      ['kubernetes', 'Kubernetes'],
      ['replicas', 'Several servers'],
      ['stores', 'Stores'],
      ['how-to/back-up-and-restore', 'Back up and restore'],
      ['auth', 'Keys and roles'],
      ['sign-in', 'Sign-in'],
      ['how-to/sign-in-with-a-provider', 'Sign in with a provider'],
      ['how-to/share-with-a-team', 'Share with a team'],
      ['security', 'Security'],
      ['retention', 'Retention'],
      ['audit', 'Audit log'],
      ['traces', 'Traces'],
      ['scale', 'Scale'],
    ],
  ],
  [
    'Reference',
    [
      ['cli', 'Command line'],
      ['reference/client', 'Clients'],
      ['reference/settings', 'Settings'],
      ['reference/operations', 'Operations'],
      ['reference/events', 'Events'],
      ['reference/errors', 'Errors'],
      ['facades', 'APIs'],
      ['facades/trpc', 'tRPC'],
      ['facades/streams', 'Streams'],
      ['e2b', 'E2B'],
      ['managed-agents', 'Managed Agents'],
      ['reference/managed-agents', 'Routes of Managed Agents'],
      ['facades/sheikhbox', 'SheikhBox'],
      ['facades/crogia', 'Crogia'],
      ['facades/cambio', 'CambioML'],
      ['facades/opencodex', 'OpenCodex'],
      ['facades/workspace', 'Workspace'],
    ],
  ],
  [
    'Develop Corral',
    [
      ['architecture', 'Architecture'],
      ['development', 'Development'],
      ['performance', 'Performance'],
      ['faults', 'Faults'],
    ],
  ],
];

export const docsFolder = new URL('../../../docs/', import.meta.url);
const inside = /^(decisions|machines)\//; // for contributors, who read them in the repository

function others(): Section {
  const known = new Set(ordered.flatMap(([, pages]) => pages.map(([path]) => path)));
  const files = readdirSync(docsFolder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
  const names = files.map((file) => file.replaceAll('\\', '/').replace(/[.]md$/, '')).sort();
  const more = names.filter((path) => !known.has(path) && !inside.test(path));
  const readTitle = (path: string) =>
    /^# (.*)$/m.exec(readFileSync(new URL(`${path}.md`, docsFolder), 'utf8'))?.[1] ?? path;
  return ['More', more.map((path) => [path, readTitle(path)])];
}

export const guideSections = [...ordered, others()].filter(([, pages]) => pages.length > 0);
export const guidePagePaths = new Set(guideSections.flatMap(([, pages]) => pages.map(([path]) => path)));
