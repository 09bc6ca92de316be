import type { Command } from '../app/command.ts';
import { openSkills } from './skills.tsx';

export const skillCommands: readonly Command[] = [
  { id: 'skills.open', label: 'skills', icon: 'book', run: openSkills },
];
