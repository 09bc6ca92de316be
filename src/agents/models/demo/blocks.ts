import { findAskedTask } from './tasks/list.ts';
import type { DemoStep } from './unit.ts';

interface Block {
  readonly word: string;
  readonly text: string;
}
const opening = /^```([^`\s]+)$/;
const closing = '```';

export function parseDemoBlocks(message: string): { blocks: Block[]; text: string[] } {
  const lines = message.split(/\r?\n/);
  const blocks: Block[] = [];
  const text: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const word = opening.exec(line)?.[1];
    const end = word === undefined ? -1 : lines.indexOf(closing, at + 1);
    if (word === undefined || end < 0) {
      text.push(line);
      continue;
    }
    blocks.push({ word, text: lines.slice(at + 1, end).join('\n') });
    at = end;
  }
  return { blocks, text };
}

export function parseDemoSteps(message: string): DemoStep[] {
  const units = parseDemoBlocks(message).blocks.flatMap((block) => parseUnit(block) ?? []);
  if (units.length > 0) return units;
  const known = findAskedTask(message);
  if (known) return [...known.task.units];
  return [
    { kind: 'file', path: 'corral-demo.md', content: message },
    { kind: 'sh', command: 'cat corral-demo.md' },
  ];
}

export type DemoMessageKind = 'blocks' | 'task' | 'nothing';
export function classifyDemoMessage(message: string): DemoMessageKind {
  if (parseDemoBlocks(message).blocks.some((block) => parseUnit(block))) return 'blocks';
  return findAskedTask(message) ? 'task' : 'nothing';
}

function parseUnit({ word, text }: Block): DemoStep | undefined {
  const path = /^file:(.+)$/.exec(word)?.[1];
  if (path !== undefined) return { kind: 'file', path, content: text };
  switch (word) {
    case 'sh':
    case 'bash':
    case 'shell':
      return { kind: 'sh', command: text };
    case 'browse':
      return {
        kind: 'browse',
        urls: text
          .split('\n')
          .map((line) => line.trim())
          .filter(Boolean),
      };
    case 'delegate':
      return text === '' ? undefined : { kind: 'delegate', task: text };
    case 'ask':
      return { kind: 'ask', question: text || 'Please answer.' };
    case 'fail':
      return { kind: 'fail', message: text || 'The message makes the demo model fail.' };
    default:
      return undefined; // not a demo step: an ordinary code block, such as quoted source code
  }
}
