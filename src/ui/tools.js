import { plainText } from './ansi.js';
import { diffLines } from './diff.js';
import { el, mark, setMark } from './dom.js';
import { authorization, heldToken } from './token.js';

// One tool call: a line about the call, and its result.

const maxLive = 65_536;
const shortOutput = 12; // lines; longer output folds when the next call begins

const labels = new Map(); // the server's words for its tools

/** Takes the answer of `system.tools`; calls drawn before it, and unknown tools, show the tool's name. */
export function learnTools(tools) {
  for (const { name, label } of tools) labels.set(name, label);
}

const telling = [
  ...['command', 'file', 'query', 'url', 'input', 'glob', 'regex', 'text', 'path', 'id'],
  ...['key', 'option', 'javascript', 'action'],
];

export class ToolCard {
  #live = '';
  #isRead;
  #body = el('div', { className: 'body' });
  #tail = el('span', { className: 'tail' });

  constructor({ callId, function: name, args }) {
    this.callId = callId;
    this.#isRead = name === 'file_read';
    const command = args.command ?? args.code;
    this.command = typeof command === 'string' ? command : undefined;
    this.node = el(
      'details',
      { className: 'tool', open: true, 'data-status': 'running' },
      el(
        'summary',
        {},
        mark('running'),
        el('span', { className: 'what' }, labels.get(name) ?? name.replaceAll('_', ' ')),
        el('span', { className: 'which' }, subject(args)),
        this.#tail,
      ),
      this.#body,
    );
    if (this.command !== undefined) this.#showConsole([{ command: this.command, output: '' }]);
  }

  /** Shows the live output of a command. */
  print(text) {
    this.#live = (this.#live + text).slice(-maxLive);
    this.#showConsole([{ command: this.command ?? '', output: this.#live }]);
  }

  finish({ success, output, exitCode, reason, content }) {
    setMark(this.node, success ? 'completed' : 'failed');
    const why = { timed_out: 'timed out', cancelled: 'stopped', oom: 'out of memory', interrupted: 'interrupted' }[
      reason
    ];
    const code = exitCode ? `exit ${exitCode}` : undefined;
    this.#tail.textContent = why ?? code ?? (success ? '' : 'failed');
    this.#tail.classList.toggle('bad', !success);
    this.#show(content, output);
  }

  /** Folds the card for the next call, unless its output is short or a picture. */
  fold() {
    const lines = this.#body.textContent.split('\n').length;
    if (lines > shortOutput && this.node.dataset.status === 'completed') this.node.open = false;
  }

  #show(content, output) {
    if (content?.console) {
      const last = content.console.at(-1);
      if (this.command !== undefined && last) this.#showConsole([{ ...last, command: last.command || this.command }]);
      else this.#showConsole(content.console);
    } else if (content && 'oldContent' in content) this.#showDiff(content);
    else if (content?.screenshot) this.#showScreen(content.screenshot, output);
    else if (content?.results) this.#showResults(content.results);
    else if (content && 'result' in content) this.#showText(JSON.stringify(content.result, null, 2) ?? '');
    else this.#showText(output);
  }

  #showConsole(entries) {
    const parts = entries.flatMap(({ command, output }) => [
      el('span', { className: 'prompt' }, '$ '),
      `${command}\n`,
      plainText(output),
    ]);
    const pre = el('pre', { className: 'console', tabIndex: 0 }, ...parts);
    this.#body.replaceChildren(pre);
    pre.scrollTop = pre.scrollHeight;
  }

  #showText(text) {
    if (text === '') return this.#body.replaceChildren();
    this.#body.replaceChildren(el('pre', { className: 'console', tabIndex: 0 }, plainText(text)));
  }

  /** The picture needs the token, which must not be part of an address, so it is fetched when it comes into view. */
  #showScreen(address, output) {
    const image = el('img', { className: 'screen', alt: 'What the browser showed', hidden: true });
    const text = el(
      'details',
      {},
      el('summary', {}, 'What it said'),
      el('pre', { className: 'console', tabIndex: 0 }, plainText(output)),
    );
    this.#body.replaceChildren(image, text);
    const show = async () => {
      const url = new URL(address, location.origin);
      if (url.origin !== location.origin) return;
      const response = await fetch(url, { headers: authorization(heldToken()) });
      if (!response.ok) return;
      const shown = URL.createObjectURL(await response.blob());
      image.onload = () => URL.revokeObjectURL(shown);
      image.src = shown;
      image.hidden = false;
    };
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      seen.disconnect();
      show().catch(() => {}); // old rows are removed, and then only the text stays
    });
    seen.observe(text);
  }

  #showDiff({ content, oldContent }) {
    const signs = { added: '+ ', removed: '− ', same: '  ', skipped: '  ' };
    const lines = diffLines(oldContent ?? null, content).slice(0, 400);
    const read = lines.every(({ kind }) => kind === 'added') && this.#isRead;
    if (read) return this.#showText(content);
    const rows = lines.map(({ kind, text }) => el('div', { className: kind }, signs[kind] + plainText(text)));
    const none = el('div', { className: 'skipped' }, 'Nothing changed.');
    this.#body.replaceChildren(
      el('pre', { className: 'diff', tabIndex: 0, 'aria-label': 'Changes' }, ...(rows.length > 0 ? rows : [none])),
    );
  }

  #showResults(results) {
    const items = results.map(({ title, link, snippet }) =>
      el(
        'li',
        {},
        /^https?:\/\//i.test(link)
          ? el('a', { href: link, target: '_blank', rel: 'noopener noreferrer' }, title)
          : el('b', {}, title),
        el('div', { className: 'quiet' }, snippet),
      ),
    );
    this.#body.replaceChildren(el('ul', { className: 'results' }, ...items));
  }
}

function subject(args) {
  const told = telling.map((key) => args[key]).find((value) => typeof value === 'string' && value !== '');
  return (
    told
      ?.replace(/^\/workspace\//, '')
      .replace(/\s*\n\s*/g, ' ⏎ ')
      .slice(0, 300) ?? ''
  );
}
