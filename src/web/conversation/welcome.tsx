import { Icon, type IconName } from '../parts/icon.tsx';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { putInComposer } from './composer-text.ts';

// The demo model runs the fenced blocks of these tasks, so the examples do the same with every model.

const fenced = (word: string, text: string) => `\`\`\`${word}\n${text}\n\`\`\``;
interface Example {
  readonly icon: IconName;
  readonly title: TextKey;
  readonly hint: TextKey;
  readonly text: string;
}
const examples: readonly Example[] = [
  {
    icon: 'search',
    title: 'example.look',
    hint: 'example.lookTells',
    text: `Look around\n${fenced('sh', 'uname -a\nid\nls -la')}`,
  },
  {
    icon: 'terminal',
    title: 'example.write',
    hint: 'example.writeTells',
    text: `Write a program and run it\n${fenced('file:hello.py', 'for n in range(1, 6):\n    print("hello" + "!" * n)')}\n${fenced('sh', 'python3 hello.py')}`,
  },
  {
    icon: 'bell',
    title: 'example.ask',
    hint: 'example.askTells',
    text: `Ask before you go on\n${fenced('ask', 'What is your name?')}\n${fenced('sh', 'date')}`,
  },
];

export const Welcome = () => (
  <div class="welcome">
    <h2>{t('welcome')}</h2>
    <p class="quiet">{t('welcomeTells')}</p>
    <ul>
      {examples.map(({ icon, title, hint, text }) => (
        <li key={title}>
          <button type="button" onClick={() => putInComposer(text)}>
            <Icon name={icon} />
            <b>{t(title)}</b>
            <span class="quiet">{t(hint)}</span>
          </button>
        </li>
      ))}
    </ul>
  </div>
);
