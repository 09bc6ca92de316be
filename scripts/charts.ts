// `npm run charts [folder]` draws the state machines of the code into docs/machines; `--check` only compares.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { runMachine } from '../machines/run.ts';
import { sandboxMachine } from '../machines/sandbox.ts';
import { sessionMachine } from '../machines/session.ts';
import { supervisorMachine } from '../machines/supervisor.ts';

const machines: Record<string, { machine: AnyStateMachine; about: string }> = {
  supervisor: {
    machine: supervisorMachine,
    about: 'Owns the sessions: makes them from their logs, restarts those that crash, hands out places.',
  },
  session: {
    machine: sessionMachine,
    about: 'One conversation: its runs, one after another, and beside them its sandbox.',
  },
  sandbox: {
    machine: sandboxMachine,
    about: 'One sandbox, from its first wish to its release.',
  },
  run: {
    machine: runMachine,
    about: 'The work from one message to its end: plan, act, sum up.',
  },
};

function page(name: string, { machine, about }: { machine: AnyStateMachine; about: string }): string {
  const { actors, delays } = machine.implementations;
  const list = (names: string[]) => names.map((it) => `\`${it}\``).join(', ') || 'none';
  return [
    `# The ${name} machine`,
    `Drawn from \`machines/${name}.ts\` by \`npm run charts\`; changes made here are lost.`,
    about,
    `- Actors: ${list(Object.keys(actors))}`,
    `- Delays: ${list(Object.keys(delays))}`,
    ...sections(machine.root).flatMap((section) => [...heading(section), chart(section), ...inPlace(section)]),
  ]
    .join('\n\n')
    .concat('\n');
}

/** The machine and each of its parallel regions, because an arrow cannot cross from one region into another. */
function sections(root: AnyStateNode): AnyStateNode[] {
  const parallel = boxes(root).filter(({ type }) => type === 'parallel');
  return [root, ...parallel.flatMap((node) => children(node).flatMap(sections))];
}
const children = (node: AnyStateNode): AnyStateNode[] => Object.values(node.states);

function boxes(node: AnyStateNode): AnyStateNode[] {
  const inside = children(node).flatMap((child) => (child.type === 'compound' ? boxes(child) : [child]));
  return inside.length > 0 ? inside : [node];
}
function composites(node: AnyStateNode): AnyStateNode[] {
  const inside = children(node).filter(({ type }) => type === 'compound');
  return [node, ...inside.flatMap(composites)].filter((it) => children(it).length > 0);
}

const below = (node: AnyStateNode): AnyStateNode[] => children(node).flatMap((child) => [child, ...below(child)]);
const isUnder = (node: AnyStateNode, ancestor: AnyStateNode) => node.id.startsWith(`${ancestor.id}.`);

const heading = (section: AnyStateNode) => (section.parent ? [`## ${section.path.join('.')}`] : []);
const idOf = (node: AnyStateNode) => node.id.replaceAll('.', '_');
const anyIn = (node: AnyStateNode) => `${idOf(node)}_any`;
const arrowsOf = (node: AnyStateNode): AnyTransitionDefinition[] => [
  ...(node.always ?? []),
  ...[...node.transitions.values()].flat(),
];
function entered(node: AnyStateNode): AnyStateNode {
  return node.type === 'compound' ? entered(node.initial.target[0] as AnyStateNode) : node;
}

function chart(section: AnyStateNode): string {
  const nameOf = (node: AnyStateNode) => node.path.slice(section.path.length).join('.') || node.key;
  const inside = boxes(section);
  const groups = composites(section).filter((node) => arrowsOf(node).some(({ target }) => target));
  const labels = new Map<string, string[]>();
  const outside = new Set<AnyStateNode>();
  const draw = (from: string, node: AnyStateNode, within?: AnyStateNode) => {
    for (const it of arrowsOf(node)) {
      for (const target of it.target ?? []) {
        const to = entered(target);
        if (within && isUnder(to, within)) continue;
        if (!inside.includes(to)) outside.add(to);
        const key = `${from} --> ${idOf(to)}`;
        labels.set(key, [...(labels.get(key) ?? []), label(it)]);
      }
    }
  };
  for (const node of groups) draw(anyIn(node), node);
  for (const node of inside) {
    draw(idOf(node), node);
    for (const inner of below(node)) draw(idOf(node), inner, node); // transitions that leave the state's regions
  }
  const lines = [
    ...inside.map((node) => `${idOf(node)}: ${nameOf(node)}`),
    ...groups.map((node) => `${anyIn(node)}: anywhere in ${node === section ? node.key : nameOf(node)}`),
    ...[...outside].map((node) => `${idOf(node)}: ${node.path.join('.')}`),
    `[*] --> ${idOf(entered(section))}`,
    ...[...labels].map(([arrow, texts]) => {
      const text = texts.filter(Boolean).join('<br/>');
      return text ? `${arrow}: ${text}` : arrow;
    }),
    ...inside.filter(({ type }) => type === 'final').map((node) => `${idOf(node)} --> [*]`),
  ];
  return ['```mermaid', 'stateDiagram-v2', ...lines.map((line) => `    ${line}`), '```'].join('\n');
}

function inPlace(section: AnyStateNode): string[] {
  const nodes = new Set([...composites(section), ...boxes(section)]);
  const lines = [...nodes].flatMap((node) => {
    const received = arrowsOf(node).filter(({ target }) => !target);
    const texts = received.map((it) => `\`${label(it)}\`${it.actions.length === 0 ? ' (ignored)' : ''}`);
    return received.length > 0 ? [`- ${node.path.join('.') || node.key}: ${[...new Set(texts)].join(', ')}`] : [];
  });
  return lines.length > 0 ? ['Heard without a change of state:', lines.join('\n')] : [];
}

const label = ({ eventType, guard, source }: AnyTransitionDefinition): string =>
  [spoken(eventType, source), guard === undefined ? '' : `[${guardText(guard)}]`].filter(Boolean).join(' ');

function spoken(type: string, source: AnyStateNode): string {
  const after = /^xstate\.after\.(.*)$/.exec(type)?.[1];
  if (after) return `after ${after.slice(0, -source.id.length - 1)}`;
  const [, how, what, id] = /^xstate\.(done|error)\.(actor|state)\.(.*)$/.exec(type) ?? [];
  if (how === undefined) return type;
  return what === 'state' ? 'all done' : `${id} ${how === 'done' ? 'done' : 'failed'}`;
}

function guardText(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  if (typeof guard !== 'function') return String((guard as { type: unknown }).type);
  const [, body = ''] = String(guard).split('=>');
  return body
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[:;"`]/g, '')
    .trim();
}

const args = process.argv.slice(2);
const check = args.includes('--check');
const folder = args.find((arg) => !arg.startsWith('--')) ?? join(import.meta.dirname, '../docs/machines');
const stale: string[] = [];
for (const [name, drawn] of Object.entries(machines)) {
  const file = join(folder, `${name}.md`);
  const text = page(name, drawn);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  stale.push(file);
  if (check) continue;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
}
if (check) {
  for (const file of stale) console.error(`${file} is not what the code says. Run \`npm run charts\` and commit it.`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  console.log(stale.length > 0 ? `drawn: ${stale.join(', ')}` : 'the charts are up to date');
}
