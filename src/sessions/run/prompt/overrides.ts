import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../core/errors/errors.ts';
import {
  checkPromptPart,
  type PromptPartName,
  type PromptParts,
  promptPartNames,
  readBuiltInPromptParts,
} from './parts.ts';

const maxBytes = 16 * 1024; // bytes per part; larger parts would leave too little room in small context windows

/** `<name>.md` replaces the part `<name>`; an empty file removes it. Throws: invalid_request (lists all mistakes). */
export function readPromptParts(folder: string): PromptParts {
  const problems: string[] = [];
  const input: Partial<Record<PromptPartName, string>> = {};
  for (const file of filesIn(folder)) {
    const name = promptPartNames.find((it) => `${it}.md` === file);
    const where = join(folder, file);
    if (name === undefined) {
      problems.push(
        `${where} is not a part of the prompt. The parts are: ${promptPartNames.map((it) => `${it}.md`).join(', ')}.`,
      );
      continue;
    }
    try {
      input[name] = readText(where);
      checkText(name, input[name], where);
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      problems.push(thrown.publicMessage);
    }
  }
  if (problems.length > 0) throw new AppError('invalid_request', problems.join('\n'));
  return { ...readBuiltInPromptParts(), ...input };
}

export function findPromptErrors(parts: Readonly<Record<string, string>>, whereOf: (name: string) => string): string[] {
  return Object.entries(parts).flatMap(([name, text]) => {
    const where = whereOf(name);
    const known = promptPartNames.find((it) => it === name);
    if (known === undefined)
      return [`${where} is not a part of the prompt. The parts are: ${promptPartNames.join(', ')}.`];
    try {
      checkSize(Buffer.byteLength(text), where);
      checkText(known, text, where);
      return [];
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      return [thrown.publicMessage];
    }
  });
}

function checkText(name: PromptPartName, text: string, where: string): void {
  if (text !== '') checkPromptPart(name, text, where);
  else if (name === 'environment') throw new AppError('invalid_request', `${where} is empty; this part is required.`);
}

function checkSize(size: number, where: string): void {
  if (size <= maxBytes) return;
  const text = `${where} has ${size} bytes; a part of the prompt can have at most ${maxBytes}.`;
  throw new AppError('invalid_request', text);
}

/** Hidden entries are ignored: Kubernetes adds some to a mounted folder. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw unreadable(folder, cause);
  }
}

function readText(file: string): string {
  try {
    checkSize(statSync(file).size, file);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)).trim();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unreadable(file, cause);
  }
}

function unreadable(path: string, cause: unknown): AppError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8 text' : (code ?? message);
  return new AppError('invalid_request', `${path} cannot be read as a part of the prompt: ${why}.`, { cause });
}
