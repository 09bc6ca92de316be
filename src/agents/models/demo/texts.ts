import { findTitleLine, truncateEnd, truncateStart } from '../../../core/text/text.ts';
import type { Message } from '../model.ts';
import { parseDemoBlocks, parseDemoSteps } from './blocks.ts';
import { builtInTasks, findAskedTask } from './tasks/list.ts';
import type { DemoLanguage, DemoStep } from './unit.ts';

/** Formats text with markup as code, so that `<h1>` or `#` stays literal. */
function literal(text: string): string {
  if (/[\r\n]/.test(text)) return fenced(text);
  if (!/[<>&`*#~[\]|\\]/.test(text)) return text;
  const mark = '`'.repeat(longestRun(text, 0) + 1);
  const space = /^`|`$|^ .* $/.test(text) ? ' ' : '';
  return `${mark}${space}${text}${space}${mark}`;
}

function fenced(text: string): string {
  const fence = '`'.repeat(longestRun(text, 2) + 1);
  return `${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}

const longestRun = (text: string, least: number) =>
  Math.max(least, ...(text.match(/`+/g) ?? []).map((run) => run.length));

/**
 * Guesses from common words, because a request does not specify the user's language. Undefined: the message has none of
 * them, or only fenced blocks.
 */
export function detectDemoLanguage(task: string): DemoLanguage | undefined {
  const known = findAskedTask(task);
  if (known) return known.language;
  const prose = parseDemoBlocks(task).text.join(' ').toLowerCase();
  const found = (language: RegExp) => new Set(prose.match(language)).size;
  if (found(german.certain) > 0 || found(german.likely) > 1) return 'de';
  return found(english) > 0 ? 'en' : undefined;
}
const german = {
  certain:
    /\b(?:bitte|hallo|kannst|nicht|kein|einen?|einmal|noch|datei(?:en)?|zeilen?|erstelle|schreibe?|mache?|lege|zeige?|zeichne|rechne|baue?|behebe|repariere|grüße|starte|öffne|lies|führe|[dms]eine[mnrs]?|für|warum|welche[mnrs]?)\b/,
  likely: /\b(?:ich|und|eine?|der|das|ist|du|mir|wie|mit|auf|aus|von|zu|den|dem|sind|wird)\b|[äöüß]/g,
};
const english =
  /\b(?:the|please|what|why|how|is|are|and|make|write|show|create|build|run|draw|fix|open|list|say|hi|hello|my|your|with|from)\b/g;

const words = {
  en: {
    command: 'Run a command',
    file: (path: string) => `Write ${path}`,
    pages: (count: number) => (count === 1 ? 'Open a page' : `Open ${count} pages`),
    delegate: 'Delegate a part',
    ask: 'Ask a question',
    fail: 'Fail on purpose',
    rejected: 'You rejected this call.',
    exitCode: 'exit code',
    failed: (reason: string) => `This step failed: ${reason || 'no reason'}`,
    ran: 'The command ran and succeeded.',
    waits: 'The command is still running. Answer it in Terminal, or stop it in Processes.',
    wrote: (path: string) => `Wrote ${path}.`,
    opened: (urls: string) => (urls === '' ? 'There was no address to open.' : `Opened ${urls}.`),
    delegated: 'The sub-agent is done.',
    answered: 'You answered:',
    quoted: (text: string) => `“${text}”`,
    isDemo: 'Demo, no AI.',
    unsupported: 'It cannot do this. Add a model, or try one of its tasks:',
    commands: 'It also runs commands in a fenced block that begins with `sh`.',
    start: 'Working on it:',
    done: 'All steps are done.',
    callsFailed: (failures: number, all: number) => `The steps are done; ${failures} of ${all} tool calls failed.`,
    noOutput: 'The last command printed nothing.',
    unusedFiles: 'The demo follows a script, so it did not use the files that you attached.',
  },
  de: {
    command: 'Einen Befehl ausführen',
    file: (path: string) => `${path} schreiben`,
    pages: (count: number) => (count === 1 ? 'Eine Seite öffnen' : `${count} Seiten öffnen`),
    delegate: 'Einen Teil delegieren',
    ask: 'Eine Frage stellen',
    fail: 'Absichtlich scheitern',
    rejected: 'Sie haben diesen Aufruf abgelehnt.',
    exitCode: 'Exit-Code',
    failed: (reason: string) => `Dieser Schritt ist fehlgeschlagen: ${reason || 'ohne Grund'}`,
    ran: 'Der Befehl ist erfolgreich durchgelaufen.',
    waits: 'Der Befehl läuft noch. Antworten Sie ihm unter Terminal, oder beenden Sie ihn unter Prozesse.',
    wrote: (path: string) => `${path} ist geschrieben.`,
    opened: (urls: string) => (urls === '' ? 'Es gab keine Adresse zu öffnen.' : `Geöffnet: ${urls}.`),
    delegated: 'Der Unteragent ist fertig.',
    answered: 'Ihre Antwort:',
    quoted: (text: string) => `„${text}“`,
    isDemo: 'Demo, keine KI.',
    unsupported: 'Das kann sie nicht. Fügen Sie ein Modell hinzu, oder probieren Sie eine ihrer Aufgaben:',
    commands: 'Sie führt auch Befehle aus, die in einem mit `sh` beginnenden Codeblock stehen.',
    start: 'In Arbeit:',
    done: 'Alle Schritte sind erledigt.',
    callsFailed: (failures: number, all: number) =>
      `Die Schritte sind erledigt; ${failures} von ${all} Werkzeugaufrufen ${failures === 1 ? 'ist' : 'sind'} fehlgeschlagen.`,
    noOutput: 'Der letzte Befehl hat nichts ausgegeben.',
    unusedFiles: 'Die Demo folgt einem Skript und hat Ihre angehängten Dateien nicht verwendet.',
  },
} as const;

export function describeDemoStep(unit: DemoStep, language: DemoLanguage): string {
  const phrases = words[language];
  switch (unit.kind) {
    case 'sh':
      return phrases.command;
    case 'file':
      return phrases.file(unit.path);
    case 'browse':
      return phrases.pages(unit.urls.length);
    default:
      return phrases[unit.kind];
  }
}

const titleLength = 60;

/** Blocks alone name no task, so a file's contents give way to the words of its step. */
export function readTaskTitle(message: string, language: DemoLanguage): string {
  const [step] = parseDemoBlocks(message).text.some((line) => line.trim() !== '') ? [] : parseDemoSteps(message);
  const whole = step?.kind === 'file' ? describeDemoStep(step, language) : findTitleLine(message) || 'Demo task';
  if (whole.length <= titleLength) return whole;
  return `${truncateEnd(whole, titleLength - 1)
    .replace(/\s\S*$/, '')
    .trimEnd()}…`;
}

type ToolMessage = Extract<Message, { role: 'tool' }>;
interface StepEnd {
  readonly failed: ToolMessage | undefined;
  readonly output: string;
  readonly answer: string;
  readonly language: DemoLanguage;
}

export function describeStepResult(unit: DemoStep, { failed, output, answer, language }: StepEnd): string {
  const phrases = words[language];
  if (failed && wasRejected(failed)) return phrases.rejected;
  if (failed) return phrases.failed(literal(firstLine(failed.output).replace(/^exit code/, phrases.exitCode)));
  switch (unit.kind) {
    case 'sh':
      return stillRuns.test(output) ? phrases.waits : phrases.ran;
    case 'file':
      return phrases.wrote(literal(unit.path));
    case 'browse':
      return phrases.opened(unit.urls.map(literal).join(', '));
    case 'delegate':
      return phrases.delegated;
    case 'ask':
      return /[\r\n]/.test(answer)
        ? `${phrases.answered}\n\n${fenced(answer)}`
        : `${phrases.answered} ${phrases.quoted(literal(answer))}`;
    case 'fail':
      return literal(unit.message);
  }
}
const wasRejected = ({ output }: ToolMessage): boolean => output.startsWith('Not run: the user rejected');
/** The shell tool's words for a command that has not ended. */
const stillRuns = /^It is still running after|^\[The command is still running/m;
const stillRunsNote =
  /^It is still running after .*\n?|\n?\[The command is still running and waits for input[^\]]*\]$/g;

function firstLine(text: string): string {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? '';
  const message = line.replace(/^\[(exit code .*)\]$/, '$1');
  return message.length > longestReason ? `${truncateEnd(message, longestReason - 1)}…` : message;
}

const longestReason = 400;
const shown = 2_000;

export function describeUnsupportedTask(language: DemoLanguage): string {
  const { isDemo, unsupported, commands } = words[language];
  const tasks = builtInTasks.map(({ asks }) => `- ${asks[language]}`).join('\n');
  return `${isDemo} ${unsupported}\n\n${tasks}\n\n${commands}`;
}

export function describeTaskStart(task: string, language: DemoLanguage): string {
  const { isDemo, start } = words[language];
  return `${isDemo} ${start} ${literal(readTaskTitle(task, language))}`;
}

interface RunEnd {
  readonly results: readonly ToolMessage[];
  readonly task: string;
  readonly language: DemoLanguage;
  readonly hasFiles: boolean;
}

export function summarizeStepResults({ results, task, language, hasFiles }: RunEnd): string {
  const phrases = words[language];
  const failures = results.filter((result) => !result.success).length;
  const failed = failures > 0 && phrases.callsFailed(failures, results.length);
  const last = results.findLast(({ name }) => name === 'shell_exec' || name === 'bash');
  // The tool's notes are not output.
  const printedText = last?.success === false ? last.output.replace(/^\[exit code [^\]\n]*\]\n?/, '') : last?.output;
  const output = printedText?.replace(stillRunsNote, '');
  const printed =
    last && wasRejected(last)
      ? false
      : output
        ? fenced(truncateStart(output, shown))
        : output === '' && phrases.noOutput;
  const head = [phrases.isDemo, failed || (!output && phrases.done)].filter(Boolean).join(' ');
  const known = findAskedTask(task)?.task;
  return [head, printed, !failed && known?.ends[language], known && hasFiles && phrases.unusedFiles]
    .filter(Boolean)
    .join('\n\n');
}

export function splitIntoDeltas(text: string): string[] {
  const size = Math.max(10, Math.ceil(text.length / 16));
  const deltas: string[] = [];
  let piece = '';
  for (const word of text.match(/\S*\s*/g) ?? []) {
    piece += word;
    if (piece.length < size) continue;
    deltas.push(piece);
    piece = '';
  }
  if (piece !== '') deltas.push(piece);
  if (deltas.length > 1) return deltas;
  const [first, ...rest] = text;
  return first === undefined || rest.length === 0 ? deltas : [first, rest.join('')];
}
