import { beforeEach } from 'vitest';
import { readPassedTests } from './passed.ts';

const passed = readPassedTests();
if (passed.size > 0)
  beforeEach(({ task, skip }) => {
    const path = task.file.filepath;
    const { names } = passed.get(path.slice(path.lastIndexOf('/test/') + 1)) ?? {};
    if (names?.has(task.fullTestName)) skip('passed in the default run');
  });
