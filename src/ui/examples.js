import { byId, el } from './dom.js';

// Example tasks. The demo model runs the fenced blocks, so the examples do the same with every model.

const fenced = (word, text) => `\`\`\`${word}\n${text}\n\`\`\``;
const examples = [
  {
    title: 'Look around',
    hint: 'what is in the sandbox',
    text: `Look around\n${fenced('sh', 'uname -a\nid\nls -la')}`,
  },
  {
    title: 'Write and run',
    hint: 'a small program',
    text: `Write a program and run it\n${fenced('file:hello.py', 'for n in range(1, 6):\n    print("hello" + "!" * n)')}\n${fenced('sh', 'python3 hello.py')}`,
  },
  {
    title: 'Ask me',
    hint: 'a question in between',
    text: `Ask before you go on\n${fenced('ask', 'What is your name?')}\n${fenced('sh', 'date')}`,
  },
];

export function showExamples(choose) {
  const items = examples.map(({ title, hint, text }) =>
    el(
      'li',
      {},
      el(
        'button',
        { type: 'button', onclick: () => choose(text) },
        el('b', {}, title),
        el('span', { className: 'quiet' }, hint),
      ),
    ),
  );
  byId('examples').replaceChildren(...items);
}
