import { el } from './dom.js';

// The part of Markdown that agents use. Creates nodes, not HTML: a tag in the text stays text, and only http: and https:
// links become links.

const maxText = 200_000;

export function markdown(text) {
  const lines = text.slice(0, maxText).replace(/\r\n?/g, '\n').split('\n');
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = readBlock(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  if (text.length > maxText) blocks.push(el('p', { className: 'quiet' }, `… ${text.length - maxText} characters more`));
  return blocks;
}

const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const bullet = /^\s{0,6}[-*+] +/;
const number = /^\s{0,6}\d{1,9}[.)] +/;

function readBlock(lines, at) {
  const line = lines[at];
  const opened = fence.exec(line);
  if (opened && !opened[2].includes('`')) return readFence(lines, at, opened[1]);
  if (line.trim() === '') return [undefined, at + 1];
  const heading = /^ {0,3}#{1,6} +(.*?)#*\s*$/.exec(line);
  if (heading) return [el('h3', {}, inline(heading[1])), at + 1];
  if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) return [el('hr'), at + 1];
  if (bullet.test(line)) return readList(lines, at, { name: 'ul', item: bullet });
  if (number.test(line)) return readList(lines, at, { name: 'ol', item: number });
  if (/^ {0,3}> ?/.test(line)) {
    const end = endOf(lines, at, (one) => /^ {0,3}>/.test(one));
    const inner = lines.slice(at, end).map((one) => one.replace(/^ {0,3}> ?/, ''));
    return [el('blockquote', {}, inline(inner.join('\n'))), end];
  }
  const end = endOf(lines, at + 1, (one) => one.trim() !== '' && !begins(one));
  return [el('p', {}, inline(lines.slice(at, end).join('\n'))), end];
}

const begins = (line) => fence.test(line) || bullet.test(line) || number.test(line) || /^ {0,3}(#{1,6} |>)/.test(line);

function endOf(lines, from, goesOn) {
  let end = from;
  while (end < lines.length && goesOn(lines[end])) end++;
  return end;
}

function readFence(lines, at, opening) {
  const closes = (line) => line.trim().startsWith(opening) && line.trim().replaceAll(opening[0], '') === '';
  const end = endOf(lines, at + 1, (line) => !closes(line));
  const code = el('code', {}, lines.slice(at + 1, end).join('\n'));
  return [el('pre', { tabIndex: 0 }, code), end + 1];
}

function readList(lines, at, { name, item }) {
  const end = endOf(lines, at, (line) => item.test(line) || /^\s{2,}\S/.test(line));
  const items = [];
  for (const line of lines.slice(at, end)) {
    if (item.test(line)) items.push(line.replace(item, ''));
    else items[items.length - 1] += `\n${line.trim()}`;
  }
  const list = el(name, {}, ...items.map((text) => el('li', {}, inline(text))));
  if (name === 'ol') list.start = Number.parseInt(lines[at].trim(), 10);
  return [list, end];
}

const spans =
  /(`+)([\s\S]+?)\1(?!`)|\*\*(\S[^*]*?)\*\*|\[([^\][]+)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>()"'`]+[^\s<>()"'`.,;:!?])|\*(\S[^*\n]*?)\*/g;

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(spans)) {
    nodes.push(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [whole, , code, bold, label, target, url, italic] = found;
    if (code !== undefined) nodes.push(el('code', {}, code.trim()));
    else if (bold !== undefined) nodes.push(el('strong', {}, bold));
    else if (italic !== undefined) nodes.push(el('em', {}, italic));
    else nodes.push(link(target ?? url, label ?? url, whole));
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== '').flatMap((node) => (typeof node === 'string' ? withBreaks(node) : [node]));
}

function link(href, label, written) {
  if (!/^https?:\/\//i.test(href)) return written;
  return el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, label);
}

const withBreaks = (text) => text.split('\n').flatMap((line, n) => (n === 0 ? [line] : [el('br'), line]));
