import { structuredPatch } from 'diff';
import { toOneLine, toPrintable } from '../io.ts';
import { takeLastLines } from '../render.ts';
import { formatMarkdown, type Painter } from './markdown.ts';
import type { ChatBlock, ChatView } from './view.ts';

const maxOutputLines = 12;
const maxDiffLines = 60;

export function formatChatBlock(block: ChatBlock, paint: Painter): string {
  switch (block.kind) {
    case 'you':
      return paint('bold', `› ${toPrintable(block.text).replaceAll('\n', '\n  ')}`);
    case 'agent':
      return formatMarkdown(block.text, paint);
    case 'note':
      return paint('dim', toPrintable(block.text));
    case 'warning':
      return paint('yellow', `! ${toPrintable(block.text)}`);
    case 'error':
      return paint('red', `✗ ${toPrintable(block.text)}`);
    case 'call': {
      const mark = block.isDone ? paint('green', '✓') : paint('red', '✗');
      const about = block.about === '' ? '' : paint('dim', ` ${block.about}`);
      const title = toPrintable(block.title).split('\n').join('\n  ');
      const body = block.change ? formatDiff(block.change, paint) : outputText(block.output, paint);
      return `${mark} ${paint('cyan', title)}${about}${body === '' ? '' : `\n${body}`}`;
    }
  }
}

function outputText(output: string, paint: Painter): string {
  const shown = takeLastLines(output, maxOutputLines);
  return shown.join('') === '' ? '' : shown.map((line) => paint('dim', `  ${line}`)).join('\n');
}

interface Change {
  readonly before: string;
  readonly after: string;
}

export function formatDiff({ before, after }: Change, paint: Painter): string {
  const { hunks } = structuredPatch('', '', toPrintable(before), toPrintable(after), '', '', { context: 3 });
  const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    paint('cyan', `  @@ -${oldStart},${oldLines} +${newStart},${newLines} @@`),
    ...lines
      .filter((line) => !line.startsWith('\\'))
      .map((line) =>
        line.startsWith('+')
          ? paint('green', `  ${line}`)
          : line.startsWith('-')
            ? paint('red', `  ${line}`)
            : `  ${line}`,
      ),
  ]);
  const cut = lines.length - maxDiffLines;
  return cut > 0
    ? [...lines.slice(0, maxDiffLines), paint('dim', `  … ${cut} more lines`)].join('\n')
    : lines.join('\n');
}

const marks = { pending: '☐', running: '▸', completed: '☑', failed: '☒' } as const;

export function formatPlan(plan: ChatView['plan'], paint: Painter): string {
  return plan
    .map(({ status, description }) => {
      const line = `${marks[status]} ${toOneLine(description, 100)}`;
      return paint(status === 'running' ? 'bold' : status === 'failed' ? 'red' : 'dim', line);
    })
    .join('\n');
}
