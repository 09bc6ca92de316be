import { readdirSync, readFileSync } from 'node:fs';

/** A section of the guide: its heading, and its pages as files below `docs` without `.md`, each with its name. */
type Section = readonly [heading: string, pages: readonly (readonly [path: string, name: string])[]];

const ordered: readonly Section[] = [
  [
    'Start',
    [
      ['index', 'Start'],
      ['concepts', 'Concepts'],
    ],
  ],
  [
    'How to',
    [
      ['page', 'Use the page'],
      ['how-to/run-a-command', 'Run a command'],
      ['how-to/move-files', 'Move files'],
      ['how-to/watch-files', 'Watch files'],
      ['how-to/use-a-terminal', 'Use a terminal'],
      ['how-to/give-a-task', 'Give an agent a task'],
      ['how-to/answer-and-approve', 'Answer and approve'],
      ['repositories', 'Work on repositories'],
      ['forges', 'Open pull requests'],
      ['previews', 'See what was built'],
      ['automations', 'Automations'],
      ['webhooks', 'Webhooks'],
      ['how-to/pause', 'Pause a box'],
      ['volumes', 'Keep files beyond sessions'],
      ['how-to/fork-a-session', 'Fork a session'],
      ['how-to/limit-a-box', 'Label and limit sandboxes'],
      ['how-to/serve-a-managed-environment', 'Serve a managed environment'],
      ['how-to/deploy-behind-a-proxy', 'Deploy behind a proxy with TLS'],
      ['how-to/back-up-and-restore', 'Back up and restore'],
      ['how-to/share-with-a-team', 'Keys, roles and quotas for a team'],
      ['models', 'Choose a model'],
      ['tools', 'Give an agent tools'],
      ['skills', 'Give an agent skills'],
      ['memory', 'Let agents remember'],
      ['delegation', 'Let an agent delegate'],
      ['attempts', 'Run attempts in parallel'],
      ['goals', 'Set goals'],
      ['budgets', 'Set budgets'],
      ['mcp', 'Use tools of MCP servers'],
      ['mcp-server', 'Use Corral from an assistant'],
      ['agents', 'Run Claude Code, Codex and others'],
      ['templates', 'Create a template'],
      ['prompts', 'Change the instructions'],
      ['approvals', 'Require approvals'],
      ['browser', 'Let agents browse'],
      ['desktop', 'Watch and use the desktop'],
      ['evaluation', 'Measure an agent'],
    ],
  ],
  [
    'Recipes',
    [
      ['recipes/claude-code-mcp', 'Claude Code'],
      ['recipes/gemini-cli', 'Gemini CLI'],
      ['recipes/openai-agents-sdk', 'OpenAI Agents SDK'],
      ['recipes/vercel-ai-sdk', 'Vercel AI SDK'],
      ['recipes/langchain', 'LangChain'],
      ['recipes/deepagents', 'Deep Agents'],
      ['recipes/computesdk', 'ComputeSDK'],
      ['recipes/harbor', 'Harbor'],
    ],
  ],
  [
    'Reference',
    [
      ['cli', 'The command'],
      ['reference/client', 'The clients'],
      ['reference/settings', 'Settings'],
      ['reference/events', 'Events'],
      ['reference/errors', 'Errors'],
      ['reference/operations', 'Operations'],
      ['reference/managed-agents', 'Routes of Managed Agents'],
    ],
  ],
  [
    'Facades',
    [
      ['facades', 'All APIs'],
      ['facades/trpc', 'tRPC'],
      ['facades/streams', 'Streams'],
      ['facades/sheikhbox', 'SheikhBox'],
      ['facades/crogia', 'Crogia'],
      ['facades/cambio', 'CambioML'],
      ['facades/opencodex', 'OpenCodex'],
      ['facades/workspace', 'Workspace'],
      ['managed-agents', 'Managed Agents'],
    ],
  ],
  [
    'Operations',
    [
      ['deploy', 'Deploy'],
      ['kubernetes', 'Kubernetes'],
      ['replicas', 'Several servers'],
      ['stores', 'Stores and backups'],
      ['auth', 'Tokens and keys'],
      ['egress', 'What a sandbox can reach'],
      ['services', 'Services'],
      ['security', 'Security'],
      ['retention', 'What is kept'],
      ['audit', 'Who did what'],
      ['traces', 'Traces'],
    ],
  ],
  [
    'Compare',
    [
      ['compare', 'Corral and others'],
      ['compare-apis', 'Corral and the systems whose APIs it speaks'],
    ],
  ],
  [
    'Work on Corral',
    [
      ['architecture', 'Architecture'],
      ['development', 'Run, test and change it'],
      ['performance', 'Performance'],
      ['scale', 'Scale'],
      ['faults', 'Faults'],
    ],
  ],
];

export const docs = new URL('../../../docs/', import.meta.url);
const inside = /^(decisions|machines)\//; // for people who work on Corral; the repository has them

/** The pages that have no place in the order, by their titles. */
function others(): Section {
  const known = new Set(ordered.flatMap(([, pages]) => pages.map(([path]) => path)));
  const files = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
  const names = files.map((file) => file.replaceAll('\\', '/').replace(/[.]md$/, '')).sort();
  const more = names.filter((path) => !known.has(path) && !inside.test(path));
  const titleOf = (path: string) => /^# (.*)$/m.exec(readFileSync(new URL(`${path}.md`, docs), 'utf8'))?.[1] ?? path;
  return ['More', more.map((path) => [path, titleOf(path)])];
}

/** Every page of the guide, in reading order. */
export const sections = [...ordered, others()].filter(([, pages]) => pages.length > 0);
export const paths = new Set(sections.flatMap(([, pages]) => pages.map(([path]) => path)));
