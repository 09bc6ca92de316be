import type { Command } from '../app/command.ts';

export const sessionCommands: readonly Command[] = [];
