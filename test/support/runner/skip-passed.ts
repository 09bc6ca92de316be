import { beforeEach } from 'vitest';
import { passedTests, toTestPath } from './passed.ts';

if (passedTests.size > 0)
  beforeEach(({ task, skip }) => {
    if (passedTests.get(toTestPath(task.file.filepath))?.names.has(task.fullTestName))
      skip('passed in the default run');
  });
