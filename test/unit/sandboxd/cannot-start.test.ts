import { expect, test } from 'vitest';
import { cannotStart } from '../../../sandbox-images/sandboxd/processes/programs.ts';

const refused = (code: string) => Object.assign(new Error(code), { code });

test('a program that no folder of the search path has is missing, also where one of them cannot be looked into', () => {
  for (const code of ['ENOENT', 'EACCES'])
    expect(cannotStart('no-such-program', refused(code), '/root/closed:/usr/bin')).toMatchObject({
      code: 'file_not_found',
    });
});

test('a program that is there and cannot be executed is refused as that', () => {
  expect(cannotStart('sh', refused('EACCES'), '/nowhere:/bin')).toMatchObject({ code: 'invalid_request' });
  expect(cannotStart('/etc/passwd', refused('EACCES'), '/bin')).toMatchObject({ code: 'invalid_request' });
});
