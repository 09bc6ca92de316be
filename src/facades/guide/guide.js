// The guide's script: search without another host, and copy buttons. The pages are complete without it.
// @ts-check

for (const block of document.querySelectorAll('main pre')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.className = 'copy';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText((block.textContent ?? '').trimEnd());
    button.textContent = 'Copied';
    button.addEventListener('blur', () => (button.textContent = 'Copy'), { once: true });
  });
  const frame = document.createElement('div');
  frame.className = 'code';
  block.replaceWith(frame);
  frame.append(block, button);
}

const field = /** @type {HTMLInputElement | null} */ (document.querySelector('#search'));
const list = /** @type {HTMLElement | null} */ (document.querySelector('#found'));
const count = document.querySelector('#count');
/** @type {Promise<{ page: string, title: string, heading: string, anchor: string, text: string }[]> | undefined} */
let index;
const most = 12;

/** @param {string} text @param {readonly string[]} words */
const has = (text, words) => words.every((word) => text.toLowerCase().includes(word));

/**
 * Whole words around a place of the text.
 * @param {string} text @param {number} at
 */
function excerpt(text, at) {
  const from = text.lastIndexOf(' ', at - 40) + 1;
  const end = text.indexOf(' ', from + 120);
  return `${from > 0 ? '…' : ''}${end < 0 ? text.slice(from) : `${text.slice(from, end)}…`}`;
}

async function search() {
  if (!field || !list || !count) return;
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  list.hidden = words.length === 0;
  if (words.length === 0) return list.replaceChildren();
  index ??= fetch('/guide/search.json').then((answer) => answer.json());
  const found = (await index)
    .map((entry) => {
      const score = has(entry.heading, words) ? 3 : has(`${entry.title} ${entry.heading}`, words) ? 2 : 1;
      return { entry, score: has(`${entry.title} ${entry.heading} ${entry.text}`, words) ? score : 0 };
    })
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .slice(0, most);
  count.textContent = found.length === 0 ? 'Nothing was found.' : `${found.length} found`;
  list.replaceChildren(
    ...found.map(({ entry: { page, title, heading, anchor, text } }) => {
      const link = document.createElement('a');
      link.href = `${page === 'index' ? '/guide' : `/guide/${page}`}${heading === title ? '' : `#${anchor}`}`;
      const name = document.createElement('b');
      name.textContent = heading === title ? title : `${title}: ${heading}`;
      link.append(name, ` ${excerpt(text, text.toLowerCase().indexOf(words[0] ?? ''))}`);
      const item = document.createElement('li');
      item.append(link);
      return item;
    }),
  );
}
field?.addEventListener('input', () => void search());
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement === document.body) {
    event.preventDefault();
    field?.focus();
  }
  if (event.key === 'Escape' && field && document.activeElement === field) {
    field.value = '';
    void search();
  }
});
