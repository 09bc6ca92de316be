import { parseArgs } from 'node:util';
import { AppError } from '../../core/errors/errors.ts';
import { createIdSource } from '../../core/model/ids.ts';
import { findLatestAuditPosition, listAuditFiles, readAuditLines } from '../../observability/audit/files.ts';
import { type AuditEntry, type AuditPosition, parseAuditRow } from '../../observability/audit/row.ts';
import { verifyAuditLog } from '../../observability/audit/verify.ts';
import { readAuditKeys, resolveAuditFolder } from '../parts/audit-log.ts';
import { type CommandTerminal, parseWithUsage, type ServerCommandDefinition } from './command.ts';
import { loadLocalConfig } from './local-config.ts';

const usage = 'list [--target <id>] [--key <id>] [--action <name>] [--last 50] | head | verify [--head <file>:<mac>]';
const text = { type: 'string' } as const;
const options = { target: text, key: text, action: text, last: text, head: text } as const;

export const auditCommand: ServerCommandDefinition = {
  usage,
  about:
    'shows who did what: lists the newest rows, prints the head of the log, or verifies that no row was changed or removed',
  async run([what, ...rest], at) {
    const requested = parseRequest(rest);
    const folder = resolveAuditFolder(loadLocalConfig());
    if (listAuditFiles(folder).length === 0 && (what === 'list' || what === 'head' || what === 'verify')) {
      at.say(`There is no audit log in ${folder}. CORRAL_DATA_DIR sets the data folder.`);
      return 1;
    }
    if (what === 'list') return list(folder, requested, at);
    if (what === 'head') return head(folder, at);
    if (what === 'verify') return await verify(folder, parseHead(requested.head), at);
    throw wrong(what === undefined ? 'The action is missing' : `There is no audit ${what}`);
  },
};

type AuditRequest = ReturnType<typeof parseRequest>;
type Row = AuditEntry & { readonly at: string };

const parseRequest = (args: readonly string[]) =>
  parseWithUsage(`audit needs ${usage}`, () => parseArgs({ args: [...args], options }).values);
const wrong = (why: string) => new AppError('invalid_request', `${why}. audit needs ${usage}.`);

function parseHead(head: string | undefined): AuditPosition | undefined {
  if (head === undefined) return undefined;
  const [, file, mac] = /^([^:]+):([\w-]{43})$/.exec(head) ?? [];
  if (!file || !mac) throw wrong('--head must be a value that audit head printed');
  return { file, mac };
}

function list(
  folder: string,
  { target, key, action, last = '50' }: AuditRequest,
  { print, say }: CommandTerminal,
): number {
  const most = Number(last);
  if (!Number.isInteger(most) || most < 1) throw wrong('--last needs a whole number, 1 or more');
  const isMatch = (row: Row) =>
    (target === undefined || row.target === target) &&
    (key === undefined || row.key === key) &&
    (action === undefined || row.action === action || row.action.startsWith(`${action}.`));
  let found: Row[] = [];
  for (const file of listAuditFiles(folder).reverse()) {
    const rows = readAuditLines(folder, file).lines.flatMap(
      (line) => (parseAuditRow(line)?.row ?? []) as unknown as Row,
    );
    found = [...rows.filter(isMatch), ...found];
    if (found.length >= most) break;
  }
  if (found.length === 0) say('No rows match.');
  const shown = found.toSorted((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at))).slice(-most);
  for (const row of shown) print(lineOf(row));
  return 0;
}

function lineOf({ at, by, key, role, address, action, target, outcome, detail }: Row): string {
  const who = key === undefined ? by : `key ${key}`;
  const more = Object.entries(detail ?? {}).map(([name, value]) => `${name}=${value}`);
  const whole = role === undefined || key === undefined ? who : `${who} (${role})`;
  return [at, whole, address ?? '-', action, target ?? '-', outcome, ...more].join('  ');
}

function head(folder: string, { print, say }: CommandTerminal): number {
  const place = findLatestAuditPosition(folder);
  if (place) print(`${place.file}:${place.mac}`);
  else say(`There is no audit log in ${folder}.`);
  return place ? 0 : 1;
}

async function verify(
  folder: string,
  kept: AuditPosition | undefined,
  { print, say }: CommandTerminal,
): Promise<number> {
  const keys = await readAuditKeys(loadLocalConfig(), () => createIdSource().token());
  const { files, rows, broken, notes, head: newest } = verifyAuditLog(folder, keys, kept);
  for (const note of notes) say(note);
  for (const what of broken) print(`BROKEN ${what}`);
  if (broken.length === 0) print(`${rows} rows in ${files} files are unchanged.`);
  if (newest) print(`head ${newest.file}:${newest.mac}`);
  return broken.length === 0 ? 0 : 1;
}
